"""Taking a person's name out of a data set: what they did stays, who they were does not."""

import json
import os
import re
from pathlib import Path
from typing import Any

from retouch.episodes.edits import read_edits
from retouch.episodes.files import clear_errors, encode_json, locked, read_json, read_lines, replace_durably
from retouch.episodes.layout import DISCARDED, EDITS, EPISODE, EPISODES, episode_folders
from retouch.episodes.reader import Dataset
from retouch.errors import InputError


def forget(path: str | os.PathLike[str], operator: str, pseudonym: str) -> int:
    """Gives an operator another name in all that a data set says: of episodes, of reasons, of edits, of what was
    discarded. What was recorded does not change, nor does another data set that shares its files.

    Returns:
        How many documents named them; 0 when it is done again.

    Raises:
        InputError: the pseudonym is none.
        StoreError: the data set cannot be read or written.
    """
    if not pseudonym.strip() or not pseudonym.isprintable() or _named(operator).search(pseudonym):
        raise InputError(f"a pseudonym is one line of text without the name itself, not {pseudonym!r}")
    root, name, found = Path(path), _named(operator), 0

    def renamed(document: dict[str, Any]) -> dict[str, Any]:
        said = {k: name.sub(pseudonym, document[k]) for k in ("operator", "reason") if isinstance(document.get(k), str)}
        return document | said

    Dataset(root)  # so that there is one
    with clear_errors("write", root), locked(root):
        for folder in episode_folders(root):
            where = root / EPISODES / folder.name / EPISODE
            document = read_json(where)
            if (new := renamed(document)) != document:
                replace_durably(where, encode_json(new))
                found += 1
        for path_of_lines in (root / EDITS, root / DISCARDED):
            lines = read_lines(path_of_lines)
            if (new_lines := [renamed(line) for line in lines]) != lines:
                replace_durably(path_of_lines, b"".join(json.dumps(line).encode() + b"\n" for line in new_lines))
                found += sum(one != other for one, other in zip(lines, new_lines, strict=True))
        read_edits(root)
    return found


def _named(operator: str) -> re.Pattern[str]:
    """The name where it stands alone."""
    if not operator.strip():
        raise InputError("whose name is to be forgotten is missing")
    return re.compile(rf"(?<![\w.-]){re.escape(operator)}(?![\w-]|\.\w)")
