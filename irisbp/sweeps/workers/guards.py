"""What keeps a cluster that a sweep starts to its user: the loopback address, and a token or certificate.

Whoever reaches a cluster runs code there. Without a guard, Ray listens on every address of the machine, and
other users of it could use either library's cluster.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from ipaddress import ip_address
from tempfile import TemporaryDirectory
from typing import Any

from irisbp.errors import ConfigError

_LOOPBACK = "127.0.0.1"

_FIRST_RAY_WITH_TOKENS = (2, 52)
_HOW_TO_INSTALL = "pip install 'irisbp[cluster]'"


def check_guard(backend: str) -> None:
    """ConfigError if a Ray that is too old for tokens would be started."""
    try:
        found = version("ray") if backend == "ray" else ""
    except PackageNotFoundError:  # a copy that nobody installed
        return
    if found and tuple(int(part) for part in found.split(".")[:2]) < _FIRST_RAY_WITH_TOKENS:
        least = ".".join(map(str, _FIRST_RAY_WITH_TOKENS))
        raise ConfigError(
            f"backend ray: a cluster of Ray {found} asks for no token, and whoever reaches it runs code;"
            f" {least} is the first that does: {_HOW_TO_INSTALL}"
        )


def missing_guard(backend: str) -> str:
    """The warning before a cluster without a credential is started; empty if it has one."""
    if backend != "dask" or _can_certify():
        return ""
    return (
        "the Dask cluster that is started here asks for no certificate, since cryptography is not installed:"
        f" other users of this machine can run code as you while it runs ({_HOW_TO_INSTALL})"
    )


def _can_certify() -> bool:
    return find_spec("cryptography") is not None


def dask_guard() -> dict[str, Any]:
    """Options of a LocalCluster: where it listens, and a certificate of its own, which is kept in memory."""
    return {
        "host": _LOOPBACK,
        "dashboard_address": f"{_LOOPBACK}:0",
        "security": True if _can_certify() else None,
    }


@contextmanager
def ray_guard() -> Iterator[dict[str, Any]]:
    """Options of ray.init, with the environment that Ray and its processes need.

    Its folder is in one that others may not enter: Ray gives everyone access to its own.
    """
    settings = {
        # Named after the systems where this is the default: Ray listens on the loopback address only.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": _token(),
        "RAY_USAGE_STATS_ENABLED": os.environ.get("RAY_USAGE_STATS_ENABLED", "0"),  # it would send some
    }
    folder = TemporaryDirectory(prefix="irisbp-", dir="/tmp", ignore_cleanup_errors=True)  # a short path
    with _environment(settings), folder as private:
        yield {"_temp_dir": f"{private}/ray", "include_dashboard": False}


def check_address(address: str) -> None:
    """ConfigError if a Ray cluster would have this address, and be reached from other machines."""
    if not ip_address(address).is_loopback:
        raise ConfigError(
            f"backend ray: Ray was imported before the sweep, and would listen at {address};"
            " start the sweep first, or a cluster of your own: ray start --head"
        )


@cache
def _token() -> str:
    """The token of this process's clusters: Ray reads it once."""
    return secrets.token_hex(32)


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
