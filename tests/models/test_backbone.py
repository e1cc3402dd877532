import keras
import numpy as np

from ssd_tf.models.backbone import copy_by_name


def test_copy_by_name():
    def make(extra):
        x = inputs = keras.Input((4,))
        for name in ["a", "b"] + extra:
            x = keras.layers.Dense(4, name=name)(x)
        return keras.Model(inputs, x)

    source, target = make([]), make(["head"])
    copy_by_name(source, target)
    for name in ("a", "b"):
        for one, other in zip(
            source.get_layer(name).get_weights(),
            target.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)
