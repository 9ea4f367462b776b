"""Runs and episodes as the pages show them (docs/protocol.md), read from their folders."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retouch.episodes import edits
from retouch.episodes.layout import DATASET
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import EpisodeInfo
from retouch.errors import InputError, RetouchError, UnknownName
from retouch.learning.weights import METHODS
from retouch.operators.profile import PROFILES
from retouch.policies.bridge_file import PREFIX, BridgeFile
from retouch.run_folder import METHODS_FOR_BRIDGED, REPORT, ImproveConfig, RunFolder, methods_for, usual
from retouch.tasks.registry import names

MOST = {"demonstrations": 10_000, "corrected": 10_000, "rounds": 99}
KINDS = {str: "text", int: "whole number", float: "number"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class Catalogue:
    """The runs under one folder.

    Args:
        root: of the runs, which is made.
        bridges: that a new run's base may be served by.
    """

    def __init__(self, root: Path, bridges: Sequence[Path] = ()):
        self.root = root
        self._bridges = {path.name: path for path in bridges}
        root.mkdir(parents=True, exist_ok=True)

    def options(self) -> dict[str, Any]:
        """What a run can be made of: the tasks, each with the methods that suit its robot, and how each corrects."""
        return {
            "tasks": [
                {"name": name, "methods": list(methods_for(name)), "demonstrations": usual(name).demonstrations}
                for name in names()
            ],
            "methods": [
                {"name": name, "correct": how.corrects, "bridged": name in METHODS_FOR_BRIDGED}
                for name, how in METHODS.items()
            ],
            "profiles": sorted(PROFILES),
            "bridges": sorted(self._bridges),
        }

    def names(self) -> list[str]:
        """Every run, the newest first."""
        found = [path.parent for path in self.root.glob("*/run.json") if NAME.fullmatch(path.parent.name)]
        return [path.name for path in sorted(found, key=lambda p: (p / "run.json").stat().st_mtime, reverse=True)]

    def open(self, name: str) -> RunFolder:
        """A run by its name.

        Raises:
            UnknownName: there is none.
            RetouchError: its folder is damaged.
        """
        if name not in self.names():
            raise UnknownName("run", name, self.names())
        return RunFolder.open(self.root / name)

    def create(self, name: str, wishes: dict[str, Any]) -> RunFolder:
        """A new run, collected by people.

        Raises:
            InputError: a name or a value that cannot be, or the run is there already.
        """
        if not NAME.fullmatch(name):
            raise InputError(f"a run's name is up to 60 letters, digits, '.', '_' and '-', not '{name}'")
        if (self.root / name).exists():
            raise InputError(f"there is a run '{name}' already: choose another name")
        allowed = {
            "task": str,
            "method": str,
            "demonstrations": int,
            "demonstrator": str,
            "share": float,
            "corrected": int,
            "rounds": int,
            "base": str,
        }
        for key, value in wishes.items():
            if key not in allowed:
                raise UnknownName("setting of a run", key, allowed)
            if type(value) is not allowed[key] and not (allowed[key] is float and type(value) is int):
                raise InputError(f"{key} is a {KINDS[allowed[key]]}, not {value!r}")
        begun = usual(wishes.get("task", ImproveConfig.task))
        if begun.task not in names():
            raise UnknownName("task", begun.task, names())
        wanted, suit = wishes.get("method", begun.method), methods_for(begun.task)
        if wanted in METHODS and wanted not in suit:
            raise InputError(
                f"{wanted} is for a robot that can be pushed, and that of {begun.task} cannot: choose {', '.join(suit)}"
            )
        if wanted not in suit:
            raise UnknownName("method", wanted, suit)
        if wishes.get("demonstrator", "web") not in ("scripted", "web"):
            raise UnknownName("demonstrator", wishes["demonstrator"], ("scripted", "web"))
        for key, most in MOST.items():
            if wishes.get(key, 0) > most:
                raise InputError(f"{key} is at most {most}, not {wishes[key]}")
        wishes = self._based(wishes.pop("base", "")) | wishes
        config = dataclasses.replace(begun, operator="web", checkpoint_trials=0, **wishes)
        return RunFolder(self.root / name, config, f"retouch serve --runs {self.root}")

    def _based(self, bridge: str) -> dict[str, Any]:
        """What a run is configured by whose base a bridge serves; nothing where it trains its own."""
        if not bridge:
            return {}
        if bridge not in self._bridges:
            raise UnknownName("bridge", bridge, self._bridges)
        file = BridgeFile.read(self._bridges[bridge])
        return {"base_policy": f"{PREFIX}{file.path}", "base_digest": file.digest, "demonstrations": 0}

    def describe(self, name: str) -> dict[str, Any]:
        """A run without its training: rounds, and which of them is being collected; or why it cannot be read."""
        try:
            return self._describe(self.open(name))
        except (RetouchError, OSError) as error:
            nothing = {"task": "", "method": "", "operator": "", "round": 0, "rounds": []}
            return nothing | {
                "name": name,
                "error": str(error),
                "can_collect": False,
                "why_not_collect": str(error),
                "can_train": False,
                "why_not": str(error),
                "report": False,
            }

    def _describe(self, run: RunFolder) -> dict[str, Any]:
        rounds: list[dict[str, Any]] = []
        for number in range(run.last_round + 1):
            rounds.append(_round(run, number))
            if not rounds[-1]["policy"]:
                break
        now = rounds[-1]
        by_people = run.collected_by(now["round"]) == "web"
        if not now["policy"] and (now["complete"] or (now["round"] == 0 and not by_people)):
            why_not = None
        elif now["policy"]:
            why_not = "every round is done: make a run with more rounds to go on"
        else:
            why_not = f"round {now['round']} is not complete: collect what is missing first"
        why_not_collect = None
        if now["policy"]:
            why_not_collect = why_not
        elif run.training_begun(now["round"]):
            why_not_collect = f"the training of round {now['round']} has begun: press Train to go on with it"
        elif now["round"] == 0 and now["complete"] and run.bridged(0):
            why_not_collect = "the base policy is there: press Train, which tries it out"
        elif now["round"] == 0 and not by_people:
            why_not_collect = "a scripted person demonstrates: press Train, which begins with that"
        return {
            "name": run.folder.name,
            "task": run.config.task,
            "method": run.config.method,
            "operator": run.config.operator,
            "round": now["round"],
            "rounds": rounds,
            "can_collect": why_not_collect is None,
            "why_not_collect": why_not_collect,
            "can_train": why_not is None,
            "why_not": why_not,
            "report": (run.folder / REPORT).is_file(),
        }

    def episodes(self, run: RunFolder) -> list[dict[str, Any]]:
        """All episodes of a run, the newest first; excluded ones too."""
        found = [
            episode_json(episode, number, Dataset(run.data(number)).info.control_period_s, run.training_begun(number))
            for number in range(run.last_round + 1)
            if (run.data(number) / DATASET).is_file()
            for episode in Dataset(run.data(number)).all_episodes
        ]
        return sorted(found, key=lambda e: str(e["started_at"]), reverse=True)

    def edit(self, run: RunFolder, number: int, id: str, wish: dict[str, Any], who: str) -> dict[str, Any]:
        """Exclude, include, relabel or trim an episode, or undo the last edit of it.

        Raises:
            InputError: there is no such episode, or nothing to do.
        """
        path, action = self.data(run, number), wish.get("action")
        if id not in {e.id for e in Dataset(path).all_episodes}:
            raise UnknownName("episode", id, [e.id for e in Dataset(path).all_episodes][-10:])
        if run.training_begun(number):
            raise InputError(f"round {number} has been trained on: its episodes stay as they were")
        reason = str(wish.get("reason") or f"by {who}")
        if action == "exclude":
            edits.exclude(path, [id], reason)
        elif action == "include":
            edits.include(path, [id], reason)
        elif action == "relabel":
            edits.relabel(path, id, str(wish.get("outcome")), reason)
        elif action == "trim":
            first, last = (wish.get(name) for name in ("first_step", "last_step"))
            if type(first) is not int or type(last) is not int:
                raise InputError(f"first_step and last_step are whole numbers, not {first!r} and {last!r}")
            edits.trim(path, id, first, last)
        elif action == "undo":
            last = [edit for edit in edits.in_force(Dataset(path).edits) if id in edit.episodes]
            if not last:
                raise InputError("this episode has no edit to undo")
            edits.undo(path, last[-1].id)
        else:
            raise UnknownName("edit", str(action), ("exclude", "include", "relabel", "trim", "undo"))
        dataset = Dataset(path)
        found = next(e for e in dataset.all_episodes if e.id == id)
        return episode_json(found, number, dataset.info.control_period_s, frozen=False)

    @staticmethod
    def data(run: RunFolder, number: int) -> Path:
        """The data set of a round that has one.

        Raises:
            InputError: it has none.
        """
        if not 0 <= number <= run.last_round or not (run.data(number) / DATASET).is_file():
            raise InputError(f"round {number} of '{run.folder.name}' has no episodes")
        return run.data(number)


def _round(run: RunFolder, number: int) -> dict[str, Any]:
    tally = run.tally(number)
    episodes = Dataset(run.data(number)).episodes if (run.data(number) / DATASET).is_file() else []
    sources = {"policy": 0, "operator": 0, "both": 0, "none": 0}
    for episode in episodes:
        if episode.outcome == "success":
            for source, steps in episode.control_steps.items():
                sources[source] += steps
    try:
        final = run.final(number)
    except RetouchError:
        final = None
    result = None
    if final is not None and final.trials:
        low, high = final.interval
        result = {"rate": final.rate, "low": low, "high": high, "trials": final.trials}
    return {
        "round": number,
        "correct": run.way(number),
        "attempts": tally.attempts,
        "successes": tally.successes,
        "steps": tally.steps,
        "human_steps": tally.human_steps,
        "progress": run.how_far(number),
        "complete": run.collected(number),
        "control_steps": sources,
        "operators": sorted({episode.operator for episode in episodes if episode.operator}),
        "policy": final is not None,
        "result": result,
    }


def episode_json(episode: EpisodeInfo, number: int, period_s: float, frozen: bool) -> dict[str, Any]:
    """One episode for a list; `frozen` when its round has been trained on."""
    return {
        "id": episode.id,
        "number": episode.number,
        "round": number,
        "kind": episode.kind,
        "outcome": episode.outcome,
        "reason": episode.reason,
        "operator": episode.operator,
        "policy": episode.policy,
        "started_at": episode.started_at,
        "first_step": episode.first_step,
        "steps": episode.steps,
        "seconds": round(episode.steps * period_s, 2),
        "control_steps": episode.control_steps,
        "excluded": episode.excluded,
        "frozen": frozen,
        "seed": episode.seed,
    }
