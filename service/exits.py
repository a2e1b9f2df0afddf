"""How a command ends: the contract's exit codes, as errors that carry their message."""

from __future__ import annotations


class CommandError(Exception):
    """A command that cannot succeed; the message is for the person who typed it."""

    code = 1


class BadResultError(CommandError):
    """The command ran, and what it found is bad: a warning missed, a check failed."""

    code = 1


class WrongUseError(CommandError):
    """The command was used wrongly, or its configuration is wrong."""

    code = 2


class OutsideError(CommandError):
    """Something that this program needs and does not own failed."""

    code = 3


INTERRUPTED = 130
