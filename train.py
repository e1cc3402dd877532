"""Trains a detector; the same as `python -m ssd_tf train`."""

import sys

from ssd_tf import program

if __name__ == "__main__":
    program.start(["train", *sys.argv[1:]])
