"""Read the values of a configuration: from the words of a command line, from YAML, and write them as YAML.

Plain argparse, with flags made from the fields of `TrainConfig`: every word that a user sees (help, errors) is then
ours, and the start costs nothing. A file goes through the same parser, so that both check alike.
"""

from __future__ import annotations

import argparse
import csv
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, get_args, get_type_hints

import yaml

from tinynet.training.config import TrainConfig, flag, no_flag, suggest, text
from tinynet.training.errors import ConfigError

SWITCHES = ("--print-config", "--list")
"""Flags that are no values of a run."""


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are ConfigErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        raise ConfigError(message.removeprefix("argument "))


def read_words(words: Sequence[str]) -> dict[str, Any]:
    """Return what the words of a command line give: values by field, `config` (a path) and `SWITCHES`.

    Raises:  ConfigError: an unknown flag, or a value that is none
    """
    values, unknown = _parser().parse_known_args([_dashes(word) for word in words])
    if unknown:
        known = [*map(flag, _FLAGS), "--config", *SWITCHES, "--help"]
        close = get_close_matches(unknown[0].split("=")[0], known, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        what = "unknown flag" if unknown[0].startswith("-") else "one recipe at most, but also got"
        raise ConfigError(f"{what} {unknown[0]}: {hint}--help lists all flags")
    return {
        name: _names(value) if _HINTS.get(name) == tuple[str, ...] else value
        for name, value in vars(values).items()
    }


def read_table(table: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the values of a table of fields, as YAML has them; a null is "not given", for fields that may be so.

    Raises:  ConfigError: an unknown field, or a value that is none
    """
    words: list[str] = []
    nulls: dict[str, None] = {}
    for name, value in table.items():
        if name != "recipe" and name not in _FLAGS:
            raise ConfigError(f"{name}: {suggest(name, ['recipe', *_FLAGS])}")
        if isinstance(value, dict):
            raise ConfigError(f"{name}: must be a value, not a table")
        if value is None:
            if type(None) not in get_args(_HINTS.get(name)):
                raise ConfigError(f"{name}: must not be null")
            nulls[name] = None
            continue
        if name == "recipe":
            words.append(str(value))
        elif isinstance(value, bool) and _HINTS[name] is bool:
            words.append(flag(name) if value else no_flag(name))
        else:
            words.append(f"{flag(name)}={text(tuple(value) if isinstance(value, list) else value)}")
    return {**read_words(words), **nulls}


def read_file(path: Path) -> dict[str, Any]:
    """Return the values of a YAML file of fields. Raises ConfigError."""
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"--config {path}: {' '.join(str(error).split())}") from error
    if not isinstance(table, dict):
        raise ConfigError(f"--config {path}: must hold lines such as 'epochs: 30', not {table!r:.60}")
    try:
        return read_table(table)
    except ConfigError as error:
        raise ConfigError(f"--config {path}: {error}") from error


def to_yaml(config: TrainConfig) -> str:
    """Return all values as a file for --config."""
    return yaml.safe_dump(config.to_json(), sort_keys=False, allow_unicode=True)


def positive(word: str) -> int:
    """Read a whole number that is at least 1."""
    number = _whole(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: must be at least 1")
    return number


@functools.cache
def _parser() -> Parser:
    parser = Parser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("recipe", nargs="?", default=argparse.SUPPRESS)
    parser.add_argument("--config")
    for switch in SWITCHES:
        parser.add_argument(switch, action="store_true")
    for name in _FLAGS:
        hint = _HINTS[name]
        if hint is bool:
            parser.add_argument(flag(name), action="store_true")
            parser.add_argument(no_flag(name), dest=name, action="store_false")
        elif hint == tuple[str, ...]:
            parser.add_argument(flag(name), nargs="+")
        else:
            parser.add_argument(flag(name), type=_READERS.get(hint, str))
    return parser


def _dashes(word: str) -> str:
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word


def _names(words: Sequence[str]) -> tuple[str, ...]:
    """Return the names in words, each a line of CSV: `cat,"dog, small"`."""
    try:
        parts = [part.strip() for line in csv.reader(words, skipinitialspace=True) for part in line]
    except csv.Error as error:
        raise ConfigError(f"{text(tuple(words))}: {error}") from error
    return tuple(part for part in parts if part)


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


_HINTS = get_type_hints(TrainConfig)
_FLAGS = tuple(field.name for field in fields(TrainConfig) if field.name != "recipe")
_READERS: dict[Any, Callable[[str], Any]] = {
    int: _whole,
    int | None: _whole,
    float: _number,
    tuple[int, ...]: _whole_numbers,
}
