"""Read the command line of `tinynet.train` and of its PyTorch twin, and run what it asks for.

Plain argparse, with flags made from the fields of `TrainConfig`: every word that a user sees (help, errors)
is then ours, and the start costs nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

from tinynet.backend import BackendUnavailable
from tinynet.data import DataError
from tinynet.models import names
from tinynet.training import output
from tinynet.training.config import Backend, TrainConfig, flag, no_flag, suggest, text
from tinynet.training.engine import Engine
from tinynet.training.errors import CheckpointError, ConfigError, OutputError, TrainingDiverged
from tinynet.training.help import help_text
from tinynet.training.recipes import DEFAULT, RECIPES, find

USER_ERRORS = (ConfigError, CheckpointError, OutputError, DataError, BackendUnavailable)
"""What a user can put right: printed as one message, exit code 2."""

BROKEN_PIPE = 128 + 13
"""The shell's code of a process ended by SIGPIPE."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message.removeprefix("argument "))


class CommandParser(_Parser):
    """A parser whose errors end with the way to the help."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog=f"python -m {prog}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        super().error(f"{message}; see {self.prog} --help")


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
            "--backend", choices=get_args(Backend), default="numpy", help="numpy: CPU; cupy: GPU"
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


def main(argv: Sequence[str] | None, prog: str, make_engine: Callable[[], Engine]) -> int:
    """Train as the command line says and return the exit code.

    Args:    argv: words after the program; None for those of this process
             prog: module shown in messages and commands, as "tinynet.train"
    """

    def train() -> int:
        config, given = parse(sys.argv[1:] if argv is None else argv, prog)
        # Imported here, so that --help and a mistyped flag answer at once.
        from tinynet.training.session import run

        return run(config, given, make_engine(), prog)

    return guard(prog, train)


def parse(argv: Sequence[str], prog: str) -> tuple[TrainConfig, frozenset[str]]:
    """Read a command line.

    Returns: the configuration, checked; the names of the fields that the command line or its file set
    Raises:  ConfigError: an unknown recipe or flag, a value out of range, an unreadable file
             SystemExit: after --help or --print-config
    """
    words = [_dashes(word) for word in argv]
    if "-h" in words or "--help" in words:
        recipe = next((RECIPES[word] for word in words if word in RECIPES), RECIPES[DEFAULT])
        print(help_text(prog, recipe, names()), end="")
        raise SystemExit(0)
    given = _values(words)
    if path := given.pop("config", None):
        given = {**_read_file(Path(path)), **given}
    print_config = given.pop("print_config", False)
    recipe = find(given.get("recipe", DEFAULT))
    config = replace(recipe.config, **given)
    config.validate()
    if config.model not in names():
        raise ConfigError(f"--model {config.model}: {suggest(config.model, names())}")
    if print_config:
        print(to_toml(config), end="")
        raise SystemExit(0)
    return config, frozenset(given)


def to_toml(config: TrainConfig) -> str:
    """Return the values as a file for --config; TOML has no word for "not given", so these are left out."""
    values = {name: value for name, value in config.to_json().items() if value is not None}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def _dashes(word: str) -> str:
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("recipe", nargs="?", default=argparse.SUPPRESS)
    parser.add_argument("--config")
    parser.add_argument("--print-config", action="store_true")
    hints = get_type_hints(TrainConfig)
    for name in _FLAGS:
        if hints[name] is bool:
            parser.add_argument(flag(name), action="store_true")
            parser.add_argument(no_flag(name), dest=name, action="store_false")
        else:
            parser.add_argument(flag(name), type=_READERS.get(hints[name], str))
    return parser


def _values(words: Sequence[str]) -> dict[str, Any]:
    values, unknown = _parser().parse_known_args(list(words))
    if unknown:
        known = [*map(flag, _FLAGS), "--config", "--print-config", "--help"]
        close = get_close_matches(unknown[0].split("=")[0], known, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        what = "unknown flag" if unknown[0].startswith("-") else "one recipe at most, but also got"
        raise ConfigError(f"{what} {unknown[0]}: {hint}--help lists all flags")
    return vars(values)


def _read_file(path: Path) -> dict[str, Any]:
    """Read a TOML file through the parser of the flags, so that both check alike."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"--config {path}: {error}") from error
    words = []
    for name, value in table.items():
        if name != "recipe" and name not in _FLAGS:
            raise ConfigError(f"--config {path}: {name}: {suggest(name, ['recipe', *_FLAGS])}")
        if name == "recipe":
            words.append(str(value))
        elif isinstance(value, bool):
            words.append(flag(name) if value else no_flag(name))
        else:
            words.append(f"{flag(name)}={text(tuple(value) if isinstance(value, list) else value)}")
    try:
        return _values(words)
    except ConfigError as error:
        raise ConfigError(f"--config {path}: {error}") from error


def positive(word: str) -> int:
    """Read a whole number that is at least 1."""
    number = _whole(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: must be at least 1")
    return number


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number") from None


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number") from None


def _whole_numbers(word: str) -> tuple[int, ...]:
    return tuple(_whole(part) for part in word.strip("[]").split(",") if part.strip())


_FLAGS = tuple(field.name for field in fields(TrainConfig) if field.name != "recipe")
_READERS: dict[Any, Callable[[str], Any]] = {
    int: _whole,
    int | None: _whole,
    float: _number,
    tuple[int, ...]: _whole_numbers,
}
