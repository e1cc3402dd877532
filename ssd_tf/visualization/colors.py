"""Colours of classes that people with any kind of sight can tell apart."""

Color = tuple[int, int, int]  # R, G, B, 0..255

BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)

# Okabe and Ito, "Color Universal Design" (2008), without black: made to be
# told apart by people without red, green or blue cones. The order puts those
# that differ most beside one another.
_OKABE_ITO: tuple[Color, ...] = (
    (86, 180, 233),  # sky blue
    (213, 94, 0),  # vermillion
    (0, 114, 178),  # blue
    (230, 159, 0),  # orange
    (0, 158, 115),  # bluish green
    (240, 228, 66),  # yellow
    (204, 121, 167),  # reddish purple
)
# Later rounds: shares of white, or of black, in the seven colours.
_ROUNDS = ((WHITE, 0.0), (WHITE, 0.55), (BLACK, 0.45))


def class_color(label: int) -> Color:
    """The R, G, B colour of a class, 0..255; the same every time.

    The first seven are told apart without red, green or blue cones; the next
    two rounds are the same hues, lighter and darker.
    """
    turn, place = divmod(label - 1, len(_OKABE_ITO))
    other, share = _ROUNDS[turn % len(_ROUNDS)]
    red, green, blue = (
        round(own * (1 - share) + added * share)
        for own, added in zip(_OKABE_ITO[place], other)
    )
    return red, green, blue


def ink_on(ground: Color) -> Color:
    """Black or white, whichever has more contrast with the ground."""
    light = luminance(ground)
    # Both have the same contrast where (1 + .05) / (L + .05) = (L + .05) / .05.
    return BLACK if (light + 0.05) ** 2 > 1.05 * 0.05 else WHITE


def luminance(color: Color) -> float:
    """Relative luminance, 0..1, as WCAG 2.2 defines it."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
