"""A configuration on its way to JSON and back."""

import dataclasses
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class Config:
    """Values that JSON can hold, and tuples of them."""

    def to_dict(self) -> dict[str, Any]:
        """A dict for JSON; `from_dict` takes it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Takes what `to_dict` wrote, after a trip through JSON."""
        return cls(**{name: _to_tuples(v) for name, v in values.items()})


def _to_tuples(value):
    if isinstance(value, (list, tuple)):
        return tuple(_to_tuples(item) for item in value)
    return value
