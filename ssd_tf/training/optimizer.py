"""Learning rates, optimisers and weight decay."""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import ops

from ssd_tf.config import TrainConfig


class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Raises another schedule's rate linearly from near zero.

    Keras' own warm-up delays the schedule instead of scaling it, and that
    changes every rate.

    Step `steps` is the first at the full rate.
    """

    def __init__(self, schedule, steps: int):
        super().__init__()
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):
        progress = (ops.cast(step, "float32") + 1.0) / (self.steps + 1.0)
        return self.schedule(step) * ops.minimum(progress, 1.0)


def _cosine(train_config: TrainConfig):
    return keras.optimizers.schedules.CosineDecay(
        train_config.learning_rate, train_config.steps, alpha=0.01
    )


def _steps(train_config: TrainConfig):
    rates = [
        train_config.learning_rate * 0.1**k
        for k in range(1 + len(train_config.decay_steps))
    ]
    # Keras switches after its boundary; Caffe at it.
    boundaries = [step - 1 for step in train_config.decay_steps]
    if not boundaries:  # Keras wants one.
        boundaries, rates = [0], rates * 2
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)


SCHEDULES = {"cosine": _cosine, "steps": _steps}


def build_schedule(train_config: TrainConfig):
    """The learning-rate schedule of a training configuration."""
    schedule = SCHEDULES[train_config.schedule](train_config)
    if train_config.warmup_steps:
        schedule = Warmup(schedule, train_config.warmup_steps)
    return schedule


def _is_kernel(variable) -> bool:
    """True for what decoupled decay applies to: no bias, no normalisation."""
    return variable.path.rsplit("/", 1)[-1] in ("kernel", "depthwise_kernel")


def _has_l2(variable) -> bool:
    """True for what Caffe's L2 applies to: kernels, and the scale of L2Norm.

    (weiliu89/caffe, model_libs.py: CreateMultiBoxHead leaves the decay of that
    scale at 1, ConvBNLayer sets those of biases and batch normalisation to 0.)
    """
    return _is_kernel(variable) or variable.path.endswith("/scale")


def _is_bias(variable) -> bool:
    """True for the bias of a convolution."""
    return variable.path.rsplit("/", 1)[-1] == "bias"


class _RateOfPart(keras.optimizers.Optimizer):
    """A Keras optimiser in which some variables have a rate of their own.

    Keras has one rate for all, and scaled gradients cannot stand for it: Adam
    divides by their size.
    """

    def slow_down(self, variables, factor: float) -> None:
        """Multiplies the rate of some variables, and with it their decay."""
        self._factor = factor
        self._slow = frozenset(map(self._var_key, variables))
        kernels = filter(_is_kernel, variables if self.weight_decay else ())
        self._decayed = frozenset(map(self._var_key, kernels))

    def update_step(self, gradient, variable, learning_rate):
        key = self._var_key(variable)
        if key in self._slow:
            learning_rate = learning_rate * self._factor
        if key in self._decayed:
            decay = learning_rate * self.weight_decay
            self.assign_sub(variable, variable * decay)
        super().update_step(gradient, variable, learning_rate)


class SGD(_RateOfPart, keras.optimizers.SGD):
    """SGD with momentum."""


class _FusedAdam(keras.optimizers.AdamW):
    """Adam's update in TensorFlow's one operation; Keras makes a dozen."""

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        dtype = variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=ops.power(ops.cast(self.beta_1, dtype), step),
            beta2_power=ops.power(ops.cast(self.beta_2, dtype), step),
            lr=ops.cast(learning_rate, dtype),
            beta1=ops.cast(self.beta_1, dtype),
            beta2=ops.cast(self.beta_2, dtype),
            epsilon=ops.cast(self.epsilon, dtype),
            grad=ops.cast(gradient, dtype),
        )


class AdamW(_RateOfPart, _FusedAdam):
    """Adam with decoupled decay."""


def _sgd(train_config: TrainConfig, not_decayed):
    del not_decayed  # Caffe's L2 goes through the momentum: `adjust_gradients`.
    return SGD(build_schedule(train_config), momentum=train_config.momentum)


def _adamw(train_config: TrainConfig, not_decayed):
    optimizer = AdamW(
        build_schedule(train_config), weight_decay=train_config.weight_decay
    )
    optimizer.exclude_from_weight_decay(not_decayed)
    return optimizer


OPTIMIZERS = {"adamw": _adamw, "sgd": _sgd}


def build_optimizer(
    train_config: TrainConfig, variables, *, of_backbone: Sequence = ()
):
    """The optimiser of a training configuration, built for its variables.

    Args:
      train_config: optimiser, schedule, decay and rates.
      variables: all that are trained.
      of_backbone: those among them that `backbone_lr_multiplier` is for.
    """
    # Those of the backbone decay at their own rate.
    own = {id(v) for v in of_backbone}
    optimizer = OPTIMIZERS[train_config.optimizer](
        train_config,
        [v for v in variables if id(v) in own or not _is_kernel(v)],
    )
    optimizer.slow_down(of_backbone, train_config.backbone_lr_multiplier)
    optimizer.build(variables)
    return optimizer


def adjust_gradients(
    gradients, variables, train_config: TrainConfig, replicas, *, norm
):
    """Clips, adds Caffe's L2 and scales the biases' gradients.

    Caffe adds the decay to the gradient before the momentum, where Keras'
    own `weight_decay` is decoupled from it (Caffe, sgd_solver.cpp).

    The gradients of each replica in a `tf.distribute.ReplicaContext`, taken
    with their global `norm` and returned, add up to that of the batch; the
    optimiser takes their sum.

    Returns:
      the gradients, and the norm that the batch's had: NaN where several
      replicas do not add theirs up before the optimiser does.
    """
    num_replicas = replicas.num_replicas_in_sync
    share = 1.0 / num_replicas
    clip_norm = train_config.gradient_clip_norm
    if num_replicas > 1:
        norm = tf.constant(math.nan)
        if clip_norm > 0.0:
            # Only the gradient of the whole batch has the norm to be clipped.
            gradients = replicas.all_reduce(
                tf.distribute.ReduceOp.SUM, gradients
            )
            norm = tf.linalg.global_norm(gradients)
    if clip_norm > 0.0:
        gradients, _ = tf.clip_by_global_norm(
            gradients, clip_norm, use_norm=norm
        )
        gradients = [g * share for g in gradients]
    if train_config.optimizer == "sgd":
        gradients = [
            g + train_config.weight_decay * share * v if _has_l2(v) else g
            for g, v in zip(gradients, variables, strict=True)
        ]
    if train_config.bias_lr_multiplier != 1.0:
        gradients = [
            g * train_config.bias_lr_multiplier if _is_bias(v) else g
            for g, v in zip(gradients, variables, strict=True)
        ]
    return list(gradients), norm
