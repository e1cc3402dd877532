"""Version folders, and what finds them."""

import pytest
import tensorflow as tf

from ssd_tf import InputError, serving


@pytest.fixture
def saved(monkeypatch):
    """Replaces the slow part of saving; -> folders that were written to."""
    folders = []

    def save(module, folder, signatures):
        folders.append(folder)
        with open(f"{folder}/saved_model.pb", "wb"):
            pass

    monkeypatch.setattr(tf.saved_model, "save", save)
    return folders


@pytest.fixture
def export(small_module, tmp_path, saved):
    def call(version=None):
        return serving.export_saved_model(
            small_module, tmp_path / "deep/exports", version=version
        ).relative_to(tmp_path)

    return call


def names(path):
    return sorted(p.name for p in path.iterdir())


def test_versions_count_up(export, tmp_path, saved):
    exports = tmp_path / "deep/exports"
    assert str(export()) == "deep/exports/1"
    assert str(export()) == "deep/exports/2"
    assert str(export(9)) == "deep/exports/9"
    (exports / "notes").mkdir()
    (exports / "77").write_text("not a version")
    assert str(export()) == "deep/exports/10"
    assert str(export(5)) == "deep/exports/5"
    assert names(exports) == ["1", "10", "2", "5", "77", "9", "notes"]
    assert names(exports / "10") == ["saved_model.pb"]
    # Readable by the account that serves it.
    assert (exports / "10").stat().st_mode & 0o777 == 0o755
    # Never under a name that TF Serving would load half-written.
    assert not any(folder.split("/")[-1].isdecimal() for folder in saved)


def test_existing_version_is_refused(export, tmp_path):
    export(3)
    file = tmp_path / "deep/exports/3/saved_model.pb"
    file.write_bytes(b"keep")
    with pytest.raises(InputError, match="exports/3 exists already"):
        export(3)
    assert file.read_bytes() == b"keep"
    assert names(tmp_path / "deep/exports") == ["3"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_nothing_half_written_is_left(export, tmp_path, monkeypatch, error):
    export()

    def save(module, folder, signatures):
        with open(f"{folder}/half", "wb"):
            raise error

    monkeypatch.setattr(tf.saved_model, "save", save)
    with pytest.raises(type(error)):
        export()
    assert names(tmp_path / "deep/exports") == ["1"]


def test_largest_version_is_found(export, tmp_path):
    exports = tmp_path / "deep/exports"
    assert serving.find_saved_model(exports) is None
    for version in (2, 10, 9):
        export(version)
    (exports / "99").mkdir()  # holds nothing
    assert serving.find_saved_model(exports) == exports / "10"
    assert serving.find_saved_model(exports / "9") == exports / "9"
    assert serving.find_saved_model(exports / "99") is None
    assert serving.find_saved_model(exports / "9/saved_model.pb") is None
    with pytest.raises(InputError, match="99 holds no SavedModel"):
        serving.predictor_of_saved_model(exports / "99")


def test_saved_model_of_somebody_else(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    with pytest.raises(InputError, match="lacks the signature 'class_names'"):
        serving.predictor_of_saved_model(tmp_path)


def test_predictor(small_export, small_module, pictures):
    predictor = serving.predictor_of_saved_model(small_export.parent)
    assert predictor.class_names == (
        "circle",
        "square",
        "star",
        "triangle",
    )
    found = predictor(pictures[0])
    outputs = small_module.detect_bytes(tf.constant(pictures[:1]))
    number = int(outputs["num_detections"][0])
    assert found.boxes.shape == (number, 4)
    assert found.scores.shape == found.classes.shape == (number,)
    assert found.classes.dtype == "int32" and found.classes.min() >= 1
    with pytest.raises(tf.errors.InvalidArgumentError):
        predictor(b"junk")


def test_model_of_an_export_dir_is_found(export, tmp_path, small_module):
    exports = tmp_path / "deep/exports"
    export(2)
    assert serving.find_saved_model(tmp_path / "deep") == exports / "2"
    (tmp_path / "deep/serving").mkdir()
    (tmp_path / "deep/model.onnx").touch()
    assert serving.find_saved_model(tmp_path / "deep") == exports / "2"
    serving.export_saved_model(small_module, tmp_path / "deep/other")
    with pytest.raises(
        InputError,
        match="deep holds several models: exports, other; expected the folder "
        "of one, such as .*deep/exports$",
    ):
        serving.find_saved_model(tmp_path / "deep")
    assert serving.find_saved_model(exports) == exports / "2"


@pytest.mark.parametrize("name", ["mine", "a_b-c.1", "_", "2nd"])
def test_names_of_models(name):
    assert serving.check_model_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "7", ".hidden", "-x", "a b", "a/b", "a:b", "é"]
)
def test_names_that_no_model_can_have(name):
    with pytest.raises(InputError, match=f"^{name!r} cannot be the name of a"):
        serving.check_model_name(name)
