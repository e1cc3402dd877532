"""The examples of CONTRIBUTING.md, and what CITATION.cff says."""

import dataclasses
import pathlib
import re
import types

import numpy as np
import pytest
import yaml
from PIL import Image

import ssd_tf
from ssd_tf import matchers, models
from ssd_tf.data.sources import SOURCES, build_source

ROOT = pathlib.Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
CAR = "Car 0.00 0 -1.58 {} 181.5 26.25 203.5 1.6 1.6 3.7 -1.0 1.7 12.4 -1.6"


@pytest.fixture
def run_example(monkeypatch, tmp_path):
    """Title -> what the code under it defines, once all of it has run."""
    monkeypatch.chdir(tmp_path)
    config = dataclasses.replace(ssd_tf.PRESETS["ssd300_tiny"])

    def run(title):
        module = types.ModuleType("example")
        module.config = config
        blocks = BLOCK.findall(SECTIONS[title])
        assert len(blocks) == 2  # the file, and its use
        for number, block in enumerate(blocks):
            code = compile(block, f"CONTRIBUTING.md: {title}, {number}", "exec")
            exec(code, module.__dict__)
        return module

    return run


def test_the_backbone(run_example, monkeypatch):
    example = run_example("A backbone")
    monkeypatch.setitem(models.BACKBONES, "plain", example.BACKBONE)
    config = dataclasses.replace(example.config, backbone="plain")
    by_name = ssd_tf.build_detector(config)
    assert by_name.count_params() == example.model.count_params()
    assert not models.BACKBONES["plain"].imagenet_package


def test_the_matcher(run_example, monkeypatch):
    example = run_example("A matcher")
    monkeypatch.setitem(matchers.MATCHERS, "inner", example.InnerMatcher)
    params = matchers.parse_matcher_params("inner", "least_iou=0.4")
    config = dataclasses.replace(
        example.config, matcher="inner", matcher_params=params
    )
    encoder = ssd_tf.TargetEncoder(config)
    boxes = [[0.2, 0.2, 0.6, 0.6], [np.nan, 0, 1, 1], [0.5, 0.5, 0.5, 0.9]]
    targets = encoder([2, 1, 3], boxes)  # those of no use match nothing
    np.testing.assert_array_equal(targets.gclasses, example.targets.gclasses)
    centers = encoder.anchors.cxcywh[targets.gclasses.numpy() > 0, :2]
    assert (np.abs(centers - 0.4) < 0.1).all()
    nothing = encoder(np.zeros([0], int), np.zeros([0, 4]))
    assert not nothing.gclasses.numpy().any()
    with pytest.raises(ssd_tf.InputError, match="between 0.0 and 1.0, got 2"):
        example.InnerMatcher(inner=2)


@pytest.fixture
def kitti(tmp_path):
    """A folder "kitti" of six pictures, a car and a pedestrian in each."""
    for folder in ("image_2", "label_2"):
        (tmp_path / "kitti" / folder).mkdir(parents=True)
    for k in range(6):
        pixels = np.full((240, 320, 3), k, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"kitti/image_2/00000{k}.png")
        lines = [CAR.format(k), CAR.replace("Car", "Pedestrian").format(9)]
        lines.append(CAR.replace("Car", "DontCare").format(20))
        text = "\n".join(lines[: 3 if k else 2])
        (tmp_path / f"kitti/label_2/00000{k}.txt").write_text(text)
    return tmp_path / "kitti"


def test_the_layout(run_example, monkeypatch, kitti):
    example = run_example("A layout of pictures and annotations")
    monkeypatch.setitem(SOURCES, "kitti_folder", example.KittiFolder)
    source = build_source("folder", data_dir=str(kitti))
    assert source.name == "kitti_folder"
    train, val = source.default_splits
    assert source.num_examples(train) + source.num_examples(val) == 6
    assert min(map(source.num_examples, (train, val))) > 0
    first = next(
        e
        for split in (train, val)
        for e in source.dataset(split).as_numpy_iterator()
        if b"000003" in e["image_id"]
    )
    np.testing.assert_allclose(
        first["gt_boxes"][0] * (240, 320, 240, 320),
        (181.5, 3, 203.5, 26.25),
        rtol=1e-6,
    )
    assert first["gt_is_crowd"].tolist() == [False, False, True]


def test_a_broken_line_of_the_layout(run_example, kitti):
    example = run_example("A layout of pictures and annotations")
    (kitti / "label_2/000002.txt").write_text("Car 0 0 0 1 2 three 4\nCar\n")
    (kitti / "image_2/000004.png").unlink()
    raws = list(example.KittiFolder(kitti, ("Car",)).raw_images("all"))
    assert [len(raw.problems) for raw in raws] == [0, 0, 2, 0, 0, 0]
    assert "000002.txt: line 2: 'Car'" in raws[2].problems[1]
    assert [bool(raw.missing) for raw in raws].index(True) == 4


def test_files_and_commands_that_are_named():
    names = set(re.findall(r"`((?:ssd_tf|tests)/[\w/]+\.py)`", PAGE))
    assert len(names) > 5
    links = set(re.findall(r"\]\(([\w/.]+)\)", PAGE))
    for name in names | links | {".ci/run"}:
        assert (ROOT / name).exists(), name


def test_the_citation():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == ssd_tf.__version__
    assert citation["license"] == "MIT"
    authors = [author["name"] for author in citation["authors"]]
    assert f"(c) 2026 {authors[0]}" in (ROOT / "LICENSE").read_text()
    (paper,) = citation["references"]
    assert [a["family-names"] for a in paper["authors"]][0] == "Liu"
    assert paper["doi"].startswith("10.1007/")
