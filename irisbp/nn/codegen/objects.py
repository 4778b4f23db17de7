"""Machine code for a structure: compiled at its first use, kept in the user's cache, loaded from there.

A cached file's name is a digest of everything that it depends on: the structure, the processor, the compiler
and the text of the files that write the code. It begins with the digest of its code, and is in a directory
that only the user may write into. Without such a directory, or on a system that cannot tell whose it is
(Windows), code is compiled anew by each process, which takes half a second.
"""

import ctypes
import os
import tempfile
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from irisbp.nn.codegen.structure import ARGUMENTS, Structure

_NAME = "train"
_DIGEST = 32  # bytes

Function = Callable[..., None]


@cache
def function(structure: Structure) -> Function:
    """The compiled function that `loop.write` writes: it takes the addresses of its arrays.

    Other Python threads run during a call.
    """
    machine = _machine(structure.lanes)
    path = _path(structure)
    content = _read(path) or _compile(structure, machine, path)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    engine.finalize_object()
    compiled = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * ARGUMENTS)(engine.get_function_address(_NAME))
    compiled.engine = engine  # type: ignore[attr-defined]  # the engine owns the code's memory
    return compiled


def _machine(lanes: int) -> Any:
    """The processor to compile for; an engine made with it owns it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=_features(lanes),
        opt=3,
        reloc="static",
        codemodel="jitdefault",
    )


def _features(lanes: int) -> str:
    """The features of the processor that code for so many lanes uses.

    For a single run AVX-512 is left out: the compiler would pack the numbers of several nodes into its wide
    registers, and unpacking them takes a sixth of the time more than it saves.
    """
    features = str(llvm.get_host_cpu_features().flatten())
    return features + ",-avx512f" if lanes == 1 and "+avx512f" in features else features


def _compile(structure: Structure, machine: Any, path: Path | None) -> bytes:
    from irisbp.nn.codegen.loop import write  # loads llvmlite.ir, which cached code does without

    fuses = llvm.get_host_cpu_features().get("fma", not machine.triple.startswith("x86_64"))
    module = llvm.parse_assembly(write(structure, _NAME, fuses=fuses))
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    content: bytes = machine.emit_object(module)
    if path is not None:
        _write(path, content)
    return content


def _path(structure: Structure) -> Path | None:
    """The file for a structure's code; None if there is no directory for it."""
    folder = cache_folder()
    if folder is None:
        return None
    processor = llvm.get_host_cpu_name(), _features(structure.lanes)
    key = sha256(repr((structure, llvmlite.__version__, llvm.llvm_version_info, processor)).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        key.update(source.read_bytes())
    return folder / f"{key.hexdigest()[:40]}.o"


@cache
def cache_folder() -> Path | None:
    """The directory for cached code; None if there is none."""
    return _find_folder()


def _find_folder() -> Path | None:
    """A directory of the user's: $XDG_CACHE_HOME/irisbp, ~/.cache/irisbp, or one among temporary files."""
    if not hasattr(os, "geteuid"):  # Windows: no owner and no mode to trust a directory by
        return None
    home, user = os.environ.get("XDG_CACHE_HOME", ""), os.geteuid()
    if not os.path.isabs(home):  # as the XDG Base Directory Specification says
        home = os.path.expanduser("~/.cache")
    for folder in (Path(home) / "irisbp", Path(tempfile.gettempdir()) / f"irisbp-{user}"):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            state = folder.lstat()
        except OSError:
            continue
        is_private = state.st_uid == user and not state.st_mode & 0o022 and not folder.is_symlink()
        if is_private and os.access(folder, os.W_OK):
            return folder
    return None


def _read(path: Path | None) -> bytes | None:
    """The cached code; None if there is none, or it is damaged."""
    try:
        content = path.read_bytes() if path else b""
    except OSError:
        return None
    digest, code = content[:_DIGEST], content[_DIGEST:]
    return code if code and sha256(code).digest() == digest else None


def _write(path: Path, content: bytes) -> None:
    """Cache code, whole or not at all; a failure is no error."""
    name = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(sha256(content).digest() + content)
        os.replace(name, path)
    except OSError:
        if name is not None and os.path.exists(name):
            os.unlink(name)
