"""`python -m ssd_tf weights`, in this process."""

import json
import pathlib
import re

import pytest

from ssd_tf import commands
from ssd_tf.commands import weights
from ssd_tf.weights.published import PUBLISHED

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def listed(capsys, keep_signals, monkeypatch, tmp_path):
    """Flags -> what is printed; nothing was fetched yet."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))

    def call(*flags):
        with pytest.raises(SystemExit) as stopped:
            commands.main(["weights", *flags])
        assert stopped.value.code == 0
        return capsys.readouterr().out

    return call


def test_each_name_with_source_licence_figure_and_place(listed, tmp_path):
    out = listed()
    assert re.findall(r"^\S+", out, re.MULTILINE) == list(PUBLISHED)
    block = out[out.index("coco/vgg_ssd512@lufficc") :].split("\n")[:5]
    url = "https://github.com/lufficc/SSD/releases/download/1.2"
    name = "vgg_ssd512_coco_trainval35k.pth"
    assert block == [
        "coco/vgg_ssd512@lufficc",
        "  github.com/lufficc/SSD, licence: MIT",
        "  classes: COCO, 80; published: 29 COCO AP",
        f"  file: {url}/{name}",
        f"  by hand: {tmp_path}/models/{name}",
    ]


def test_what_is_there_is_told(listed, tmp_path):
    assert "(there)" not in listed()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/ssd300_mAP_77.43_v2.pth").write_bytes(b"")
    assert listed().count(" (there)\n") == 1
    lines = [json.loads(line) for line in listed("--json").splitlines()]
    assert [line["name"] for line in lines if line["is_there"]] == [
        "voc/ssd300@ssd.pytorch"
    ]


def test_the_table_of_the_guide_is_that_of_the_command(listed):
    table = listed("--markdown").strip()
    assert table == weights.markdown()
    assert len(table.splitlines()) == len(PUBLISHED) + 2
    page = ROOT / "docs/weights.md"
    assert table in page.read_text(encoding="utf-8")
