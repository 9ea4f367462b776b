"""The commands of `retouch`. Each is one function; what it needs is imported when it runs."""

import sys
from collections.abc import Callable
from importlib import import_module

from retouch import __version__
from retouch.errors import InputError, RetouchError, UnknownName

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("retouch.commands.demo:demo", "the whole loop, small: base, interventions, improved policy, report"),
    "collect": ("retouch.commands.learn:collect", "record demonstrations, or a policy that a person corrects"),
    "train": ("retouch.commands.learn:train", "train a policy on data sets"),
    "evaluate": ("retouch.commands.learn:evaluate", "measure a policy's success rate"),
    "improve": ("retouch.commands.learn:improve", "rounds of collect, train, evaluate; resumes by being run again"),
    "study": ("retouch.commands.study:study", "the papers' tables, computed; shared, resumable"),
    "serve": ("retouch.commands.serve:serve", "people watch, take over and train from a browser and a phone"),
    "data": (
        "retouch.commands.data_sets:data",
        "look after data sets: check, edit, merge, export, import ...",
    ),
    "bench": ("retouch.commands.bench:bench", "measure our own speed"),
    "doctor": ("retouch.commands.doctor:doctor", "what is installed, what is missing and how to get it"),
}


def usage() -> str:
    """What `retouch --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: retouch COMMAND [options]",
            "",
            "Improve a robot's manipulation policy by correcting it while it runs.",
            "",
            "commands:",
            *lines,
            "",
            "retouch COMMAND --help tells what a command takes; retouch --version the version.",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns 0, 1 (failed) or 2 (bad input)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if arguments[0] == "--version":
        print(f"retouch {__version__}")
        return 0
    try:
        return _command(arguments[0])(arguments[1:])
    except RetouchError as error:
        print(f"retouch: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("retouch: stopped; what was finished is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"retouch: {error.strerror or error}{where}", file=sys.stderr)
        return 1


def _command(name: str) -> Callable[[list[str]], int]:
    if name.startswith("-"):
        raise InputError(f"the command comes first, before {name}: see retouch --help")
    if name not in COMMANDS:
        raise UnknownName("command", name, COMMANDS)
    module, function = COMMANDS[name][0].split(":")
    target = getattr(import_module(module), function)

    def run(arguments: list[str]) -> int:
        import tyro

        if isinstance(target, dict):
            if arguments and not arguments[0].startswith("-") and arguments[0] not in target:
                raise UnknownName(f"'{name}' command", arguments[0], target)
            tyro.extras.subcommand_cli_from_dict(target, args=arguments, prog=f"retouch {name}")
        else:
            tyro.cli(target, args=arguments, prog=f"retouch {name}")
        return 0

    return run
