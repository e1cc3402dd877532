"""labels.txt; the card itself is read in test_saved_model_format.py."""

from ssd_tf.serving import model_card


def test_labels_are_utf8_wherever_they_are_written(tmp_path, monkeypatch):
    """On a machine whose own encoding is another."""
    monkeypatch.setattr(
        "io.text_encoding", lambda encoding, *_: encoding or "latin-1"
    )
    model_card.write_labels(tmp_path, ("naïve", "猫"))
    written = (tmp_path / "assets/labels.txt").read_bytes()
    assert written == b"na\xc3\xafve\n\xe7\x8c\xab\n"


def test_labels_of_classes_without_names(tmp_path):
    model_card.write_labels(tmp_path, ())
    assert list(tmp_path.iterdir()) == []
