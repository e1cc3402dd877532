import numpy as np
import pytest

from ssd_tf.losses import hardest_negatives


def test_ties_do_not_add_negatives():
    background_loss = np.full([1, 6], np.log(3), np.float32)
    positive = np.array([[False, False, True, False, False, False]])
    mined = hardest_negatives(
        background_loss, positive, ~positive, negative_ratio=3.0
    )
    # Of equal losses the first anchors are taken.
    assert mined.numpy().tolist() == [[True, True, False, True, False, False]]


@pytest.mark.parametrize("num_levels", [1, 3, 1000])
def test_number_of_negatives(num_levels):
    """Exact for every number of positives, with many or few ties."""
    rng = np.random.default_rng(num_levels)
    num_anchors = 30
    rows = np.arange(num_anchors + 1)[:, None]
    positive = np.arange(num_anchors) < rows  # 0 to 30 positives
    positive = rng.permuted(positive, axis=1)
    negative = ~positive & (rng.random(positive.shape) < 0.8)
    loss = rng.integers(num_levels, size=positive.shape) / num_levels
    mined = hardest_negatives(
        loss.astype(np.float32), positive, negative, negative_ratio=3.0
    ).numpy()
    assert not (mined & ~negative).any()
    expected = np.minimum(3 * positive.sum(1), negative.sum(1))
    np.testing.assert_array_equal(mined.sum(1), expected)
    for row in range(num_anchors + 1):
        left = loss[row][negative[row] & ~mined[row]]
        if mined[row].any() and left.size:
            assert loss[row][mined[row]].min() >= left.max()


@pytest.mark.parametrize("ratio, expected", [(0.5, 1), (1.5, 4), (0.0, 0)])
def test_number_of_negatives_is_rounded_down(ratio, expected):
    positive = np.array([[True] * 3 + [False] * 7])
    mined = hardest_negatives(
        np.ones([1, 10], np.float32), positive, ~positive, negative_ratio=ratio
    )
    assert int(np.sum(mined)) == expected
