"""Machine code for a structure: compiled at its first use, kept in the user's cache, loaded from there.

Its key in the cache is a digest of everything that it depends on: the structure, the processor, the compiler
and the text of the files that write the code. `cache` says what is read from there and what is not.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from irisbp.nn.codegen.cache import code_cache
from irisbp.nn.codegen.structure import ARGUMENTS, Structure

_NAME = "train"

Function = Callable[..., None]


@cache
def function(structure: Structure) -> Function:
    """The compiled function that `loop.write` writes: it takes the addresses of its arrays.

    Other Python threads run during a call.
    """
    machine = _machine(structure.lanes)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(_code(structure, machine)))
    engine.finalize_object()
    compiled = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * ARGUMENTS)(engine.get_function_address(_NAME))
    compiled.engine = engine  # type: ignore[attr-defined]  # the engine owns the code's memory
    return compiled


def _code(structure: Structure, machine: Any) -> bytes:
    """The code of a structure, from the cache or compiled."""
    kept, key = code_cache(), _key(structure)
    code = kept.read(key) if kept else None
    if code is None:
        code = _compile(structure, machine)
        if kept:
            kept.write(key, code)
    return code


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


def _compile(structure: Structure, machine: Any) -> bytes:
    from irisbp.nn.codegen.loop import write  # loads llvmlite.ir, which cached code does without

    fuses = llvm.get_host_cpu_features().get("fma", not machine.triple.startswith("x86_64"))
    module = llvm.parse_assembly(write(structure, _NAME, fuses=fuses))
    module.verify()
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def _key(structure: Structure) -> bytes:
    """The digest of all that a structure's code depends on."""
    processor = llvm.get_host_cpu_name(), _features(structure.lanes)
    key = sha256(repr((structure, llvmlite.__version__, llvm.llvm_version_info, processor)).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        key.update(source.read_bytes())
    return key.digest()
