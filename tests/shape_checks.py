"""What checks calls in tests: beartype, with what it cannot check in single methods taken for granted."""

from typing import Any, Self

from beartype import BeartypeConf, BeartypeStrategy, FrozenDict, beartype

# `Self` has no meaning for a method that is decorated on its own, as the import hook does it.
_CONF = BeartypeConf(hint_overrides=FrozenDict({Self: Any}), strategy=BeartypeStrategy.O1, is_pep484_tower=True)


def check(function: Any) -> Any:
    """The function, with its arguments and result checked at every call."""
    return beartype(conf=_CONF)(function)
