"""How many people this machine carries at once; the others wait in a line and see their place in it."""

import asyncio
from collections.abc import Callable


class Seats:
    """A number of seats.

    Args:
        count: of them.
    """

    def __init__(self, count: int):
        self.count = count
        self._taken: set[object] = set()
        self._line: list[tuple[object, asyncio.Event, Callable[[int], None]]] = []

    @property
    def free(self) -> int:
        """Seats that nobody has."""
        return self.count - len(self._taken)

    async def take(self, who: object, place: Callable[[int], None]) -> None:
        """Wait for a seat; whoever has one keeps it. `place` hears the place in the line whenever it changes."""
        if who in self._taken:
            return
        turn = asyncio.Event()
        entry = (who, turn, place)
        self._line.append(entry)
        self._move()
        try:
            await turn.wait()
        except asyncio.CancelledError:
            if turn.is_set():
                self.leave(who)
            else:
                self._line.remove(entry)
                self._move()
            raise

    def leave(self, who: object) -> None:
        """Give a seat back."""
        self._taken.discard(who)
        self._move()

    def _move(self) -> None:
        while self._line and self.free > 0:
            who, turn, _ = self._line.pop(0)
            self._taken.add(who)
            turn.set()
        for k, (_, _, place) in enumerate(self._line):
            place(k + 1)
