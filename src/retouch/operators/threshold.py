"""When an expert policy acts in a person's place; no mujoco here, so that commands can describe it quickly."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """When an expert acts.

    Attributes:
        differs: by how much of the most there is an action is another one (root mean square over its entries).
        after: steps of another action until it takes over.
        back: steps of the same action until it gives back.
    """

    differs: float = 0.2
    after: int = 3
    back: int = 10
