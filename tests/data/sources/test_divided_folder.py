"""Folders without a split for evaluation."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from absl import logging
from PIL import Image

from ssd_tf import TrainConfig
from ssd_tf.data import sources
from ssd_tf.data.sources import build_source, build_source_of_run
from ssd_tf.errors import InputError
from tests.data import coco_files

BOX = (
    "<object><name>{}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30"
    "</xmax><ymax>40</ymax></bndbox></object>"
)


def write(root, name, *, seed=None, class_name="cat"):
    """An image of noise and its XML beside it."""
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(
        len(list(root.iterdir())) if seed is None else seed
    )
    pixels = rng.integers(0, 255, (50, 100, 3), np.uint8)
    Image.fromarray(pixels).save(root / f"{name}.png")
    text = f"<annotation>{BOX.format(class_name)}</annotation>"
    (root / f"{name}.xml").write_text(text)


@pytest.fixture
def flat(tmp_path):
    for i in range(20):
        write(tmp_path / "flat", f"p{i}", seed=i)
    return tmp_path / "flat"


def names(source, split):
    return {raw.image_id for raw in source.raw_images(split)}


def place(path):
    return int(hashlib.sha256(path.read_bytes()).hexdigest()[:16], 16) / 2**64


def test_a_hash_of_the_content_divides(flat, caplog):
    logging.set_verbosity(logging.INFO)
    source = build_source("folder", data_dir=str(flat))
    assert source.splits() == source.default_splits == ("train", "val")
    expected = {p.name for p in flat.glob("*.png") if place(p) < 0.2}
    assert 0 < len(expected) < 10
    assert names(source, "val") == expected
    assert (
        names(source, "train")
        == {path.name for path in flat.glob("*.png")} - expected
    )
    assert source.num_examples("train") + source.num_examples("val") == 20
    assert source.num_examples("all") == source.num_examples("train+val") == 20
    said = [m for m in caplog.messages if "no split" in m]
    assert said == [
        f"{flat}: no split for evaluation; of 20 images {len(expected)} are"
        " evaluated on (--val_fraction=0.2), chosen by a hash of their"
        " content: the same on every machine"
    ]


def test_elsewhere_renamed_copied_and_with_more_images(flat, tmp_path):
    before = build_source("folder", data_dir=str(flat))
    val, train = names(before, "val"), names(before, "train")
    moved = tmp_path / "elsewhere/images"
    shutil.copytree(flat, moved)
    for i in range(20, 40):
        write(moved, f"p{i}", seed=i)
    for i in range(20):  # the same content by another name
        write(moved, f"copy_{i}", seed=i)
    after = build_source("voc_folder", data_dir=str(moved.parent))
    assert names(after, "val") >= val | {f"copy_{name[1:]}" for name in val}
    assert names(after, "train") >= train
    larger = build_source("folder", data_dir=str(flat), val_fraction=0.5)
    assert names(larger, "val") >= val
    assert larger.val_fraction == 0.5


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_neither_side_is_empty(tmp_path, count, fraction):
    for i in range(count):
        write(tmp_path, f"p{i}", seed=i)
    source = build_source(
        "folder", data_dir=str(tmp_path), val_fraction=fraction
    )
    assert len(names(source, "train")) == (count - 1 if fraction < 0.5 else 1)
    assert len(names(source, "val")) == (1 if fraction < 0.5 else count - 1)


def test_one_image_alone_is_trained_on(tmp_path):
    write(tmp_path, "a")
    source = build_source("folder", data_dir=str(tmp_path))
    assert source.num_examples("train") == 1
    with pytest.raises(InputError) as error:
        source.num_examples("val")
    assert str(error.value) == f"{tmp_path}: split 'val' lists no image"


@pytest.mark.parametrize("split", ["default", "Train", "train", "result"])
def test_coco_with_one_split(tmp_path, split):
    images = []
    for i in range(12):
        write(tmp_path / "images", f"p{i}", seed=i)
        (tmp_path / f"images/p{i}.xml").unlink()
        images.append(coco_files.image(i, f"p{i}.png"))
    box = coco_files.annotation(1, 3, 3, [1, 2, 3, 4])
    coco_files.write_json(
        tmp_path / f"annotations/instances_{split}.json", images, [box]
    )
    source = build_source("folder", data_dir=str(tmp_path))
    assert source.name == "coco_folder"
    assert source.class_names == ("cat", "dog")
    assert source.category_ids == (3, 7)
    assert source.default_splits == ("train", "val")
    numbers = [source.num_examples(name) for name in source.splits()]
    assert sum(numbers) == 12 and min(numbers) > 0
    assert source.image_ids("train+val") == {f"p{i}.png": i for i in range(12)}


def test_batches_of_annotations_are_joined(tmp_path):
    for i, name in enumerate(("monday", "tuesday")):
        write(tmp_path / "images", name, seed=i)
        (tmp_path / f"images/{name}.xml").unlink()
        coco_files.write_json(
            tmp_path / f"{name}.json", [coco_files.image(1, f"{name}.png")]
        )
    source = build_source("coco_folder", data_dir=str(tmp_path))
    assert names(source, "train+val") == {"monday.png", "tuesday.png"}
    assert names(source, "monday") == {"monday.png"}


def test_a_folder_of_its_own_to_evaluate_on(flat, tmp_path):
    write(tmp_path / "held_out", "q", seed=99)
    source = build_source(
        "folder", data_dir=str(flat), val_dir=str(tmp_path / "held_out")
    )
    assert source.num_examples("train") == 20
    assert names(source, "val") == {"q.png"}
    assert source.val_dir == str(tmp_path / "held_out")
    assert sources.evaluation_of(source) == {
        "val_fraction": 0.0,
        "val_dir": str(tmp_path / "held_out"),
    }
    write(tmp_path / "held_out", "r", class_name="emu")
    source = build_source(
        "folder", data_dir=str(flat), val_dir=str(tmp_path / "held_out")
    )
    with pytest.raises(InputError) as error:
        source.num_examples("val")
    assert str(error.value) == (
        f"{tmp_path}/held_out/r.xml: unknown class 'emu'; known: cat"
    )


def test_splits_of_the_folder_are_kept(pets):
    for fraction in (None, 0):
        source = build_source(
            "voc_folder", data_dir=str(pets), val_fraction=fraction
        )
        assert source.val_fraction == 0
        assert source.num_examples("val") == 1


def test_a_run_reads_the_same_split(flat):
    config = TrainConfig(
        dataset="voc_folder", data_dir=str(flat), val_fraction=0.5
    )
    config = TrainConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    source = build_source_of_run(config, ("cat",))
    expected = {p.name for p in flat.glob("*.png") if place(p) < 0.5}
    assert names(source, "val") == expected
    flat.rename(flat.parent / "moved")
    with pytest.raises(InputError) as error:
        build_source_of_run(config, ("cat",))
    assert str(error.value) == (
        f"{flat}, the data of the run, is not there; give --data_dir, the"
        " folder where they are now"
    )
    moved = str(flat.parent / "moved")
    source = build_source_of_run(config, ("cat",), data_dir=moved)
    assert names(source, "val") == expected


def test_flags_that_cannot_be_used(flat, pets, shapes_dir):
    asks = [
        (
            {"data_dir": str(flat), "val_fraction": 1.5},
            "--val_fraction=1.5 must be above 0 and below 1",
        ),
        (
            {"data_dir": str(pets), "val_fraction": 0.3},
            f"{pets} has the split 'val' for evaluation, so --val_fraction has"
            " no effect",
        ),
        (
            {
                "data_dir": str(flat),
                "val_dir": str(flat),
                "val_fraction": 0.3,
            },
            "--val_fraction has no effect with --val_dir; give one of them",
        ),
        (
            {"dataset": "shapes", "data_dir": shapes_dir, "val_fraction": 0.3},
            "--val_fraction is for folders; shapes has the splits test, train",
        ),
        (
            {"dataset": "shapes", "data_dir": shapes_dir, "val_dir": "x"},
            "--val_dir is for folders; shapes has the splits test, train",
        ),
    ]
    for ask, message in asks:
        with pytest.raises(InputError) as error:
            build_source(**{"dataset": "voc_folder", **ask})
        assert str(error.value) == message
