import re

import pytest

from ssd_tf.weights.published import PUBLISHED

PROJECTS = {
    "torchvision": "pytorch/vision",
    "lufficc": "lufficc/SSD",
    "ssd.pytorch": "amdegroot/ssd.pytorch",
    "qfgaohao": "qfgaohao/pytorch-ssd",
    "caffe": "weiliu89/caffe",
    "ssd_keras": "pierluigiferrari/ssd_keras",
    "ssd_tensorflow": "balancap/SSD-Tensorflow",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_tell_data_and_project(name):
    entry = PUBLISHED[name]
    data, model, project = re.fullmatch(
        r"(voc|coco|imagenet)/([\w]+)@([\w.]+)", name
    ).groups()
    assert entry.classes.split("_")[0] == data
    assert entry.project == PROJECTS[project]
    assert model and entry.read_in
    assert (entry.ap is None) == (entry.metric == "")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_is_fetched_by_its_own_name(name):
    entry = PUBLISHED[name]
    assert entry.url.startswith("https://")
    if not entry.by_hand:
        assert entry.url.endswith(f"/{entry.file}")
    assert re.fullmatch("([0-9a-f]{8}([0-9a-f]{56})?)?", entry.sha256)
    assert entry.sha256[:8] in entry.file


def test_all_seven_projects_are_there_and_no_file_twice():
    assert {entry.project for entry in PUBLISHED.values()} == set(
        PROJECTS.values()
    )
    urls = [entry.url for entry in PUBLISHED.values()]
    assert len(set(urls)) == len(urls)
