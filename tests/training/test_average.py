"""The moving average of weights."""

import keras
import pytest
import tensorflow as tf

from ssd_tf.training.average import WeightAverage


def test_weight_average():
    weight = keras.Variable([1.0], name="kernel")
    average = WeightAverage([weight], 0.2)
    expected = [
        (11.0, 10.0),  # decay 1/10: 1 + .9 (11 - 1)
        (21.0, 19.0),  # 2/11: 10 + 9/11 (21 - 10)
        (24.0, 23.0),  # 3/12 is above .2: 19 + .8 (24 - 19)
    ]
    for value, mean in expected:
        weight.assign([value])
        tf.function(average.update)()
        assert average.averages[0].numpy() == pytest.approx([mean])
    assert int(average.updates) == 3
    average.restart()
    assert average.averages[0].numpy() == [24.0]
    assert int(average.updates) == 0


def test_average_is_applied_for_a_while_only():
    weight = keras.Variable([1.0], name="kernel")
    average = WeightAverage([weight], 0.9)
    weight.assign([5.0])
    with average.applied():
        assert float(weight[0]) == 1.0
    assert float(weight[0]) == 5.0
    with pytest.raises(RuntimeError, match="inside"), average.applied():
        raise RuntimeError("inside")
    assert float(weight[0]) == 5.0
    average.copy_to_model()
    assert float(weight[0]) == 1.0


def test_interrupt_while_the_average_is_applied(monkeypatch):
    """It strikes in front of the context's body."""
    weights = [keras.Variable([1.0], name=name) for name in "ab"]
    average = WeightAverage(weights, 0.9)
    for weight in weights:
        weight.assign([5.0])

    def copy_half():
        weights[0].assign([1.0])
        raise KeyboardInterrupt

    monkeypatch.setattr(average, "copy_to_model", copy_half)
    with pytest.raises(KeyboardInterrupt), average.applied():
        pytest.fail("not reached")
    assert [float(weight[0]) for weight in weights] == [5.0, 5.0]
    weights[0].assign([7.0])
    average.put_back()  # nothing is set aside any more
    assert float(weights[0][0]) == 7.0
