"""The command line of `tinynet.train` and of its PyTorch twin; what other commands share with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, get_args

from tinynet.backend import BackendUnavailable
from tinynet.data import DataError
from tinynet.models import names
from tinynet.training import output
from tinynet.training.config import Backend, Dataset, TrainConfig, suggest
from tinynet.training.engine import Engine
from tinynet.training.errors import CheckpointError, ConfigError, OutputError, TrainingDiverged
from tinynet.training.help import help_text, list_text
from tinynet.training.parsing import Parser, positive, read_file, read_words, to_yaml
from tinynet.training.recipes import DEFAULT, RECIPES, find

USER_ERRORS = (ConfigError, CheckpointError, OutputError, DataError, BackendUnavailable)
"""What a user can put right: printed as one message, exit code 2."""

BROKEN_PIPE = 128 + 13
"""The shell's code of a process ended by SIGPIPE."""


class CommandParser(Parser):
    """A parser whose errors end with the way to the help."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=f"python -m {prog}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        super().error(f"{message}; see {self.prog} --help")

    def print_help(self, file: Any = None) -> None:
        """Print the help. Raises OutputError, where argparse would be silent, BrokenPipeError."""
        output.say(self.format_help().rstrip())

    def add_dataset(self) -> None:
        """Add --dataset and --data-dir, for commands that need no run."""
        self.add_argument(
            "--dataset", choices=get_args(Dataset), default="cifar10-sample", metavar="NAME",
            help="data set (cifar10-sample)",
        )  # fmt: skip
        self.add_argument("--data-dir", metavar="FOLDER", help="folder of the data set's files")


class CheckpointParser(CommandParser):
    """A parser with what `evaluate` and `predict` share: CHECKPOINT, --backend, --threads."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog, description)
        self.add_argument(
            "checkpoint",
            type=Path,
            metavar="CHECKPOINT",
            help="folder of a run, or a .json or .safetensors in it",
        )
        self.add_argument(
            "--backend",
            choices=get_args(Backend),
            default="auto",
            help="numpy: CPU; cupy: GPU; auto: GPU if any",
        )
        self.add_argument("--threads", type=positive, metavar="N", help="CPU threads (all available cores)")


def guard(prog: str, action: Callable[[], int]) -> int:
    """Run `action` and turn the errors that a user can act on into one message and an exit code.

    Where whoever reads the output has left, as in `... | head -1`, the program ends with the code of SIGPIPE.
    """
    try:
        try:
            return action()
        finally:
            output.flush()
    except USER_ERRORS as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return 2
    except TrainingDiverged as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return BROKEN_PIPE


def main(
    argv: Sequence[str] | None,
    prog: str,
    make_engine: Callable[[], Engine],
    more: Sequence[tuple[str, str]] = (),
) -> int:
    """Train as the command line says and return the exit code.

    Args:    argv: words after the program; None for those of this process
             prog: module shown in messages and commands, as "tinynet.train"
             more: flags that the program has read itself, each with its explanation, for --help
    """

    def train() -> int:
        config, given = parse(sys.argv[1:] if argv is None else argv, prog, more)
        # Imported here, so that --help and a mistyped flag answer at once.
        from tinynet.training.session import run

        return run(config, given, make_engine(), prog)

    return guard(prog, train)


def parse(
    argv: Sequence[str], prog: str, more: Sequence[tuple[str, str]] = ()
) -> tuple[TrainConfig, frozenset[str]]:
    """Read a command line; more: as in `main`.

    Returns: the configuration, checked; the names of the fields that the command line or its file set
    Raises:  ConfigError: an unknown recipe or flag, a value out of range, an unreadable file
             SystemExit: after --help, --list or --print-config
    """
    if "-h" in argv or "--help" in argv:
        recipe = next((RECIPES[word] for word in argv if word in RECIPES), RECIPES[DEFAULT])
        output.say(help_text(prog, recipe, names(), more))
        raise SystemExit(0)
    given = read_words(argv)
    if given.pop("list", False):
        output.say(list_text(prog))
        raise SystemExit(0)
    if path := given.pop("config", None):
        file = read_file(Path(path))
        if "recipe" in given and file.get("recipe", given["recipe"]) != given["recipe"]:
            raise ConfigError(
                f"{given['recipe']} --config {path}: the file says recipe {file['recipe']}, and its values would "
                f"replace those of {given['recipe']}; leave the recipe out, or take that line out of a copy of the file"
            )
        given = {**file, **given}
    print_config = given.pop("print_config", False)
    recipe = find(given.get("recipe", DEFAULT))
    config = replace(recipe.config, **given)
    config.validate()
    if config.model not in names():
        raise ConfigError(f"--model {config.model}: {suggest(config.model, names())}")
    if print_config:
        output.say(to_yaml(config).rstrip())
        raise SystemExit(0)
    return config, frozenset(given)
