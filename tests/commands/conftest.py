"""The command detect, and pictures for it."""

import numpy as np
import pytest
from PIL import Image

from ssd_tf import commands


@pytest.fixture
def photos(tmp_path):
    """Two files of one name in two folders."""
    rng = np.random.default_rng(0)
    paths = []
    for folder, size in (("a", (40, 60)), ("b", (50, 30))):
        (tmp_path / folder).mkdir()
        coarse = rng.integers(0, 255, (size[0] // 10, size[1] // 10, 3))
        pixels = coarse.repeat(10, 0).repeat(10, 1).astype(np.uint8)
        paths.append(tmp_path / folder / "photo.png")
        Image.fromarray(pixels).save(paths[-1])
    return [str(path) for path in paths]


@pytest.fixture
def detect(capsys, keep_signals):
    """Arguments -> exit status, lines of stdout, lines of stderr."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stopped:
            commands.main(["detect", *map(str, arguments)])
        out, err = capsys.readouterr()
        return stopped.value.code, out.splitlines(), err.splitlines()

    return call
