"""The tree of errors.

RetouchError                   something went wrong and the message says what, in one line
├── InputError                 what the person gave cannot be used (exit code 2)
│   ├── InUse                  another process is at work in the same folder
│   ├── UnknownName            a name that is not registered; the message lists the valid ones
│   └── MissingExtra           an optional part that is not installed; the message says how to get it
├── StoreError                 an episode store cannot be read or written
│   ├── NoDataset              there is none where one was asked for (an InputError too)
│   └── CorruptEpisode         an episode's files do not agree with each other
├── RobotError                 the robot cannot do what is asked, or must stop
│   └── EnvironmentStopped     an environment of another interpreter has died, is late, or shows what cannot be
└── PolicyError                a policy cannot be loaded, or does not fit the task
    ├── NoPolicy               there is none where one was asked for (an InputError too)
    └── PolicyStopped          one that ran has died, is late, or answers what no robot can do: the robot stops
"""

import difflib
from collections.abc import Iterable


class RetouchError(Exception):
    """The root: its message is one clear line for a person."""

    exit_code = 1


class InputError(RetouchError):
    """What the person gave cannot be used."""

    exit_code = 2


class InUse(InputError):
    """Another process is at work in the same folder."""


class UnknownName(InputError):
    """A name that nothing is registered under."""

    def __init__(self, kind: str, name: str, allowed: Iterable[str]):
        names = sorted(allowed)
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        super().__init__(f"unknown {kind} '{name}'{hint} (valid: {', '.join(names)})")
        self._made_of = kind, name, names

    def __reduce__(self) -> tuple[type["UnknownName"], tuple[str, str, list[str]]]:
        return UnknownName, self._made_of  # to travel between processes


class MissingExtra(InputError):
    """An optional part that is not installed."""

    def __init__(self, package: str, extra: str):
        super().__init__(f"'{package}' is not installed: pip install 'retouch[{extra}]'")


class StoreError(RetouchError):
    """An episode store cannot be read or written."""


class NoDataset(StoreError, InputError):
    """There is no dataset where one was asked for."""


class CorruptEpisode(StoreError):
    """An episode's files do not agree with each other."""


class RobotError(RetouchError):
    """The robot cannot do what is asked, or must stop."""


class EnvironmentStopped(RobotError):
    """An environment of another interpreter cannot be started, has died, is late, or shows what cannot be."""


class PolicyError(RetouchError):
    """A policy cannot be loaded, or does not fit the task."""


class NoPolicy(PolicyError, InputError):
    """There is no policy, or no such checkpoint of it, where one was asked for."""


class PolicyStopped(PolicyError):
    """A policy that ran has died, is late, or answers what no robot can do: the robot stops."""
