"""What several test files need."""

import pytest

from ssd_tf import DetectorConfig


@pytest.fixture
def toy_config():
    """Eight anchors whose corners are exact in float32.

    Four cells with centres at 1/4 and 3/4; each has a box of side 1/2, which
    is the cell, and one of side sqrt(1/2 * 2) = 1 around the same centre.
    """
    return DetectorConfig(
        backbone="tiny",
        image_size=64,
        feature_sizes=(2,),
        steps_px=(32,),
        min_sizes_px=(32.0,),
        max_sizes_px=(128.0,),
        aspect_ratios=((),),
        num_classes=2,
    )
