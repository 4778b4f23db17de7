"""The numbers load without anything but NumPy, and on systems that are not POSIX."""

import subprocess
import sys

_PROGRAM = """
import sys
for name in ("typer", "rich", "yaml", "pandas", "pydantic", "llvmlite"):
    sys.modules[name] = None
for name in ("resource", "fcntl", "termios", "pwd"):  # as on Windows
    sys.modules[name] = None
import os, signal
for name in ("geteuid", "getuid", "fork", "sysconf", "sched_getaffinity", "O_NOFOLLOW", "O_DIRECTORY"):
    delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGPIPE", "pthread_sigmask", "setitimer"):
    delattr(signal, name)
import importlib, pkgutil
import irisbp.nn
for module in pkgutil.walk_packages(irisbp.nn.__path__, "irisbp.nn."):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        assert "llvmlite" in str(error)
        assert module.name.startswith("irisbp.nn.codegen."), module.name
mine = {name for name in sys.modules if name.startswith("irisbp") and not name.startswith("irisbp.nn")}
assert mine == {"irisbp", "irisbp.public"}, mine
assert {"irisbp.nn.engines.one.plain", "irisbp.nn.engines.one.compiled"} <= set(sys.modules)
"""


def test_nn_needs_numpy_alone_and_no_posix() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
