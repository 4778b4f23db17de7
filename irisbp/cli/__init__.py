"""The command line: parse, call, show. One small file per command.

Here are the app, the translation of errors into messages and exit codes, and nothing else.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from irisbp import __version__
from irisbp.cli.deferred import commands_of, new_app
from irisbp.errors import IrisbpError, ReaderGone, StorageError


@contextmanager
def _noticing_that_the_reader_is_gone() -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone() from None


_COMMANDS = {
    "train": "Train a run and record it.",
    "resume": "Resume a run that was interrupted.",
    "sweep": "Train a grid of runs, and compare its settings.",
    "evaluate": "Classify a run's data again.",
    "predict": "Classify new samples.",
    "table": "Show how a table is understood.",
    "gradcheck": "Check the gradient, parameter by parameter.",
    "explain": "Show one update, or one gradient, number by number.",
    "derive": "Derive an expression, in symbols and as a chain.",
    "plot": "Draw pictures of a run, or compare runs.",
    "runs": "List, show, compare and repeat runs.",
    "config": "Show, check or start a config.",
}


class _Group(TyperGroup):
    """Reports a closed pipe as ReaderGone, before the framework can exit with code 1."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands.update(commands_of("irisbp.cli", _COMMANDS))

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _noticing_that_the_reader_is_gone():  # --help prints here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _noticing_that_the_reader_is_gone():
            return super().invoke(ctx)


app = new_app(cls=_Group, invoke_without_command=True)


@app.callback()
def irisbp(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Train a small backpropagation network, sample by sample, and see every number."""
    if version:
        print(__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())


def run() -> NoReturn:
    """Run the command line and exit with the design's codes."""
    _open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not an exception.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    exit_code = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        exit_code = exit_code or _report(_output_failure(error))
    sys.exit(exit_code)


def _run() -> int:
    try:
        return app(prog_name="irisbp", standalone_mode=False) or 0
    except IrisbpError as error:
        return _report(error)
    except typer.TyperException as error:
        return _report(IrisbpError(f"{error.format_message()} (see --help)"))
    except MemoryError:
        return _report(IrisbpError("not enough memory: the network or its table is too large here"))
    except OSError as error:
        return _report(_output_failure(error))


def _open_missing_streams() -> None:
    """Open the null device for each of stdin, stdout and stderr that is missing.

    Otherwise the next file opened would get its number, and messages would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _output_failure(error: OSError) -> IrisbpError:
    """The error for a failed write to stdout or stderr: others are reported where they occur."""
    if isinstance(error, BrokenPipeError):
        return ReaderGone()
    return StorageError("write to", error.filename or "stdout", error)


def _report(error: IrisbpError) -> int:
    """Print an error, if it has a message; returns its exit code."""
    if str(error):
        with suppress(OSError):
            print(f"irisbp: {error}", file=sys.stderr, flush=True)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        # Python flushes both once more at exit, and would print an error.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
    return error.exit_code
