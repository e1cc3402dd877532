"""Colours of classes, for every kind of sight."""

import itertools

import numpy as np
import pytest

from ssd_tf.visualization.colors import class_color, ink_on, luminance

# Machado, Oliveira and Fernandes 2009, "A Physiologically-based Model for
# Simulation of Color Vision Deficiency", table 1 at severity 1: linear RGB ->
# what a person without one kind of cones sees.
SIGHTS = {
    "all cones": np.eye(3),
    "without red": [
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ],
    "without green": [
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ],
    "without blue": [
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ],
}
# Linear sRGB -> XYZ at D65, each divided by that of white.
_TO_XYZ = np.array(
    [
        (0.4124, 0.3576, 0.1805),
        (0.2126, 0.7152, 0.0722),
        (0.0193, 0.1192, 0.9505),
    ]
)
_TO_XYZ /= _TO_XYZ.sum(axis=1, keepdims=True)


def lab(color, sight):
    """CIE L*a*b* of a colour as a person sees it."""
    channels = np.array(color) / 255
    linear = np.where(
        channels <= 0.04045,
        channels / 12.92,
        ((channels + 0.055) / 1.055) ** 2.4,
    )
    x, y, z = np.cbrt(_TO_XYZ @ np.clip(np.array(sight) @ linear, 0, 1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("sight", SIGHTS)
def test_the_first_seven_are_told_apart(sight):
    """A difference of 10 is plain beside one another; 2 is hardly seen."""
    colors = [lab(class_color(k), SIGHTS[sight]) for k in range(1, 8)]
    distances = {
        (i + 1, k + 1): np.linalg.norm(colors[i] - colors[k])
        for i, k in itertools.combinations(range(7), 2)
    }
    assert min(distances.values()) > 10
    neighbours = [distances[k, k + 1] for k in range(1, 7)]
    assert min(neighbours) > 30


def test_names_are_legible_on_every_colour():
    """Contrast of at least 4.5, what WCAG 2.2 asks of text."""
    for label in range(1, 22):
        ground, ink = class_color(label), ink_on(class_color(label))
        pair = luminance(ground), luminance(ink)
        assert (max(pair) + 0.05) / (min(pair) + 0.05) >= 4.5


def test_twenty_one_differ():
    colors = [class_color(label) for label in range(1, 22)]
    assert len(set(colors)) == 21
    assert class_color(3) == colors[2] == class_color(3 + 21)
