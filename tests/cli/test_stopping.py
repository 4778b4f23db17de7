"""Signals that come while Python itself cannot notice them."""

import signal
import subprocess
import sys
import time

import pytest

# One call that takes seconds, and lets other threads run.
_BUSY = """
import hashlib
from irisbp.cli.stopping import StopRequest

with StopRequest() as stop:
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 20_000_000)
    print(stop.exit_code)
"""


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_long_call(second: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        for number in (signal.SIGINT, second):
            time.sleep(0.2)
            process.send_signal(number)
        assert process.wait(60) == 128 + second
        assert process.stdout.read() == ""


_WAITING = """
import time
from irisbp.cli.stopping import StoppedAtOnce, StopRequest

with StopRequest() as stop:
    try:
        with stop.at_once():
            print("begun", flush=True)
            time.sleep(60)
    except StoppedAtOnce:
        print(stop.exit_code)
"""


def test_the_first_signal_ends_what_is_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", _WAITING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stdout.read() == "143\n"
