"""The command line: parse, call, show. One small file per command.

Here are the app, the translation of errors into messages and exit codes, and nothing else.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from irisbp import __version__
from irisbp.cli import config, evaluate, gradcheck, train
from irisbp.errors import IrisbpError, ReaderGone, StorageError, literal


@contextmanager
def _noticing_that_the_reader_is_gone() -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone() from None


class _Group(TyperGroup):
    """Keeps a closed pipe apart from the errors that the framework gives its own exit code 1."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _noticing_that_the_reader_is_gone():  # --help prints here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _noticing_that_the_reader_is_gone():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Group,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    invoke_without_command=True,
)
app.command("train", short_help="Train a run and record it.")(train.train)
app.command("evaluate", short_help="Classify a run's data again.")(evaluate.evaluate)
app.command("gradcheck", short_help="Check the gradient, parameter by parameter.")(gradcheck.gradcheck)
app.add_typer(config.app, name="config", short_help="Show or check a config.")


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


def main() -> NoReturn:
    """Run the command line and exit with the design's codes."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not an exception.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(_run())


def _run() -> int:
    try:
        return app(prog_name="irisbp", standalone_mode=False) or 0
    except IrisbpError as error:
        return _report(str(error), error.exit_code)
    except typer.TyperException as error:
        return _report(f"{literal(error.format_message())} (--help tells more)", error.exit_code)
    except typer.Abort:
        return _report("stopped", 130)
    except OSError as error:
        failure = StorageError("use", error.filename or "a file", error)
        return _report(str(failure), failure.exit_code)


def _report(message: str, exit_code: int) -> int:
    try:
        if exit_code == ReaderGone.exit_code:
            raise BrokenPipeError
        print(f"irisbp: {message}", file=sys.stderr, flush=True)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes both at exit; nobody reads them any more.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
    return exit_code
