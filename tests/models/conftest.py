"""Detectors to look at, without the time and memory of their weights."""

import keras
import pytest

from ssd_tf import build_detector


@pytest.fixture(scope="session")
def outline():
    """config -> its detector, whose variables have shapes but no values."""

    def build(config, **parts):
        with keras.StatelessScope(initialize_variables=False):
            return build_detector(config, **parts)

    return build
