"""Trains a detector; the same as `python -m ssd_tf train`."""

import os
import sys

# TensorFlow reads this once, while it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ssd_tf.commands import main  # noqa: E402

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
