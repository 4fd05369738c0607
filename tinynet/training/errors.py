"""Errors of a run that its user can act on; the command lines print them without a traceback."""

from __future__ import annotations


class ConfigError(Exception):
    """A flag, a recipe or a folder does not allow the run that was asked for."""


class CheckpointError(Exception):
    """A checkpoint is missing, damaged, or belongs to another model or run."""


class OutputError(Exception):
    """A file of the run cannot be written: disk full, folder gone or read-only."""


class TrainingDiverged(Exception):
    """The loss is no longer a finite number."""
