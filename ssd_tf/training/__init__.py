"""Training, evaluation during training, and what a run leaves on disk."""

from ssd_tf.training.evaluate import (
    detect_split,
    evaluate,
    make_detect_function,
)
from ssd_tf.training.initialize import load_run
from ssd_tf.training.loop import TrainingRun, choose_strategy
from ssd_tf.training.recipes import (
    DEFAULT_RECIPES,
    FOLDER_RECIPE,
    RECIPES,
)
from ssd_tf.training.reports import format_metrics
from ssd_tf.training.run_dir import RunDir

__all__ = [
    "DEFAULT_RECIPES",
    "FOLDER_RECIPE",
    "RECIPES",
    "RunDir",
    "TrainingRun",
    "choose_strategy",
    "detect_split",
    "evaluate",
    "format_metrics",
    "load_run",
    "make_detect_function",
]
