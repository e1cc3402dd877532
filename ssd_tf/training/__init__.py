"""Training, evaluation, and the files of a run."""

from ssd_tf.training.best import BEST_METRICS
from ssd_tf.training.convert import convert
from ssd_tf.training.evaluate import evaluate, make_detect_function, measure
from ssd_tf.training.freezing import FREEZES
from ssd_tf.training.initialize import load_run
from ssd_tf.training.loop import TrainingRun
from ssd_tf.training.planning import (
    choose_detector,
    parse_box_sizes,
    plan_detector,
    plan_training,
)
from ssd_tf.training.recipes import (
    RECIPES,
    RecipeChoice,
    choose_recipe,
    default_preset,
    default_recipe,
)
from ssd_tf.training.reports import headline
from ssd_tf.training.run_data import check_data
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.run_report import read_facts, write_report
from ssd_tf.training.run_weights import (
    CHECKPOINTS,
    RunWeights,
    figures_of,
    find_weights,
)
from ssd_tf.training.strategy import (
    STRATEGIES,
    build_strategy,
    check_batch_size,
)
from ssd_tf.training.workers import Workers

__all__ = [
    "BEST_METRICS",
    "CHECKPOINTS",
    "FREEZES",
    "RECIPES",
    "RecipeChoice",
    "RunDir",
    "RunWeights",
    "STRATEGIES",
    "TrainingRun",
    "Workers",
    "build_strategy",
    "check_batch_size",
    "check_data",
    "choose_detector",
    "choose_recipe",
    "convert",
    "default_preset",
    "default_recipe",
    "evaluate",
    "figures_of",
    "find_weights",
    "headline",
    "load_run",
    "make_detect_function",
    "measure",
    "parse_box_sizes",
    "plan_detector",
    "plan_training",
    "read_facts",
    "write_report",
]
