"""`python -m ssd_tf convert_data`, in this process."""

import pytest

from tests.data import other_layouts


@pytest.fixture
def pets(tmp_path):
    return other_layouts.write_yolo(tmp_path / "pets")


@pytest.mark.parametrize("layout", ["coco", "voc", "tfrecord"])
def test_a_folder_beside_it(script, pets, layout):
    status, out, err = script(
        "convert_data", f"--from={pets}/", f"--to={layout}"
    )
    assert status == 0, err
    assert out.splitlines() == [
        f"{pets}_{layout}: {layout}, 4 objects in images of train 2, val 1",
        "next:",
        f"  python -m ssd_tf validate --data_dir={pets}_{layout}",
    ]
    status, out, _ = script("validate", f"--data_dir={pets}_{layout}")
    # The box without area is kept, and training drops it.
    assert status == 1
    assert "lost: 1 empty" in out


def test_notes_and_the_place(script, pets, tmp_path):
    text = "train: images/train\nval: images/val\nnames: [cat, dog, emu]\n"
    (pets / "data.yaml").write_text(text)
    output = tmp_path / "new/voc"
    call = [f"--from={pets}", "--to=voc", f"--output_dir={output}"]
    status, out, _ = script("convert_data", *call)
    assert status == 0
    assert out.splitlines()[0] == (
        "note: VOC names no class without objects: emu"
    )
    status, _, err = script("convert_data", *call)
    assert status == 1
    assert err[-1] == (
        f"error: {output} exists already; expected a folder that is not there"
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--to=coco"], "--from is required"),
        (
            ["--from={pets}"],
            "--to is required: one of coco, voc, yolo, tfrecord",
        ),
        (["--from={pets}", "--to=coko"], "--to=coko is unknown, did you mean"),
        (["--from={pets}/no", "--to=coco"], "{pets}/no: folder is missing"),
        (
            ["--from={pets}", "--to=voc", "--val_fraction=.3"],
            "{pets} has the split 'val' for evaluation, so --val_fraction has",
        ),
    ],
)
def test_errors(script, pets, arguments, message):
    arguments = [text.format(pets=pets) for text in arguments]
    status, _, err = script("convert_data", *arguments)
    assert status == 1
    assert err[-1].startswith(f"error: {message.format(pets=pets)}")
    assert not list(pets.parent.glob("pets_*"))
