"""Lengths of time in words: of a training, of its parts, of what is left."""


def duration(seconds: float) -> str:
    """Seconds as a person says them: 3.2 s, 45 s, 8 min 05 s, 2 h 01 min.

    Hours go with minutes that are full. `seconds` is not negative.
    """
    if round(seconds, 1) < 10:
        return f"{round(seconds, 1):g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
