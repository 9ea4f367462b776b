"""Operators by name: those of other packages, beside the scripted person, the expert and people in browsers."""

from typing import TYPE_CHECKING, Any

from retouch.errors import InputError, UnknownName
from retouch.plugins import brought, load

if TYPE_CHECKING:
    from retouch.operators.correction import Operator

OWN = ("scripted", "expert", "web")
GROUP = "retouch.operators"


def check(name: str, own: tuple[str, ...] = OWN) -> None:
    """Raises UnknownName where nobody has this name."""
    if name not in own and name not in brought(GROUP):
        raise UnknownName("operator", name, {*own, *brought(GROUP)})


def operator(name: str) -> "Operator":
    """Whom another package brings.

    Raises:
        UnknownName: nobody has this name.
        InputError: the package is broken, or what it makes is no operator.
    """
    from retouch.operators.correction import Operator

    made: Any = load("operator", name, brought(GROUP))()
    if not isinstance(made, Operator):
        raise InputError(f"operator '{name}': {brought(GROUP)[name]} makes no retouch.operators.correction.Operator")
    return made
