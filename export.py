"""Exports a trained run; the same as `python -m ssd_tf export`."""

import sys

from ssd_tf import program

if __name__ == "__main__":
    program.start(["export", *sys.argv[1:]])
