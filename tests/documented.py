"""What a page of the documentation tells its reader to type, and how a test types it."""

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from markdown_it import MarkdownIt


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        kind: commands of a shell; a program in Python; a file that the reader makes; or text to look at.
        content: as it stands.
        file: name of the file.
    """

    kind: Literal["commands", "program", "file", "text"]
    content: str
    file: str = ""

    @property
    def commands(self) -> list[str]:
        """What is typed, one line each: continued lines joined, comments left out."""
        if self.kind != "commands":
            return []
        lines = self.content.replace("\\\n", " ").splitlines()
        return [shlex.join(words) for line in lines if (words := shlex.split(line, comments=True))]


def blocks(page: Path) -> list[Block]:
    """Every block of code in a page, in order; an indented one, or one of `sh`, is of commands."""
    return [_block(token.info, token.content) for token in MarkdownIt().parse(page.read_text()) if token.tag == "code"]


def _block(info: str, content: str) -> Block:
    language, _, more = info.partition(" ")
    if (titled := re.fullmatch(r'title="(.+)"', more)) is not None:
        return Block("file", content, titled[1])
    kinds: dict[str, Literal["commands", "program", "text"]]
    kinds = {"": "commands", "sh": "commands", "python": "program", "text": "text"}
    assert language in kinds, f"nobody knows what to do with a block of '{language}'"
    return Block(kinds[language], content)


@dataclass(frozen=True)
class Rule:
    """How a test carries out the commands that begin alike.

    Attributes:
        words: that it begins with; an option among them may stand anywhere behind.
        smaller: options that are given in place of its own, or besides.
        slow: whether it takes more than a few seconds even so.
        before: what the reader has done before, though the page does not say it.
        instead: what is done in its place.
    """

    words: str
    smaller: str = ""
    slow: bool = False
    before: tuple[str, ...] = ()
    instead: str = ""

    def covers(self, command: str) -> bool:
        """Whether it is a rule for this command."""
        first, *options = re.split(r" (?=--)", self.words)
        return f"{command} ".startswith(f"{first} ") and all(f" {option} " in f"{command} " for option in options)

    def reduced(self, command: str) -> list[str]:
        """The words of the command, made smaller."""
        words, smaller = shlex.split(self.instead or command), _options(self.smaller)
        kept = [
            word for option in _options(shlex.join(words)) if option[0] not in dict(_named(smaller)) for word in option
        ]
        return [*kept, *itertools.chain.from_iterable(smaller)]


def _options(text: str) -> list[list[str]]:
    """Words parted before each option: what stands first, then option after option with its values."""
    parted: list[list[str]] = [[]]
    for word in shlex.split(text):
        if word.startswith("--"):
            parted.append([])
        parted[-1].append(word)
    return [part for part in parted if part]


def _named(options: list[list[str]]) -> Iterator[tuple[str, list[str]]]:
    return ((name, values) for name, *values in options)
