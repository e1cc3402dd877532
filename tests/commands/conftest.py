"""What the tests of all commands need."""

import pytest
from absl import logging


@pytest.fixture(autouse=True)
def verbosity():
    """Gives later tests the verbosity that commands change for a program."""
    before = logging.get_verbosity()
    yield
    logging.set_verbosity(before)
