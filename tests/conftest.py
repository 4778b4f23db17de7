"""Every test runs with floating-point accidents as errors, and with the numbers that R printed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tests.server import Server

R = Path(__file__).parent / "data" / "r"
CONFIGS = Path(__file__).parent.parent / "configs"

# The suite draws the same examples every time; `--hypothesis-profile=default` draws new ones.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

Irisbp = Callable[..., "subprocess.CompletedProcess[str]"]

# What the server's processes have from their callers; with any other option, an interpreter is started.
_SERVED = {"cwd", "env", "input", "stdin", "stdout", "stderr", "capture_output", "text", "timeout"}


@pytest.fixture(autouse=True)
def _strict_arithmetic() -> Iterator[None]:
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server(os.environ) as server:
        yield server


@pytest.fixture
def irisbp(tmp_path: Path, server: Server) -> Irisbp:
    """Run the command line as a process of its own, in an empty directory."""

    def run(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
        command = server.command if options.keys() <= _SERVED else [sys.executable, "-m", "irisbp"]
        options = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 60} | options
        return subprocess.run([*command, *arguments], **options)  # type: ignore[call-overload, no-any-return]

    return run


def without_root_powers() -> None:
    """Called in a child before it starts: root, too, shall be refused what permissions refuse."""
    import ctypes

    drop_from_bounding_set, override, read_search = 24, 1, 2
    for capability in (override, read_search):
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)
