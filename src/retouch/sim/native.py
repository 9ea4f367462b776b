"""Calling MuJoCo's C functions from compiled code.

Addresses travel as integers, so a compiled function that uses them can be cached on disk: the next process starts
stepping at once. Nothing here owns memory; whoever passes an address keeps the object behind it alive.
"""

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import mujoco
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from retouch.errors import RobotError

F = TypeVar("F")


@functools.cache
def _library() -> ctypes.CDLL:
    """MuJoCo's shared library, the very one that the Python module uses."""
    folder = Path(mujoco.__file__).parent
    for pattern in ("libmujoco.so*", "libmujoco*.dylib", "mujoco.dll"):
        for path in sorted(folder.glob(pattern)):
            return ctypes.CDLL(str(path))
    raise RobotError(f"no MuJoCo library beside {folder}: reinstall mujoco")


@functools.cache
def function_address(name: str) -> int:
    """Address of one of MuJoCo's C functions, e.g. `mj_step1`."""
    address = ctypes.cast(getattr(_library(), name), ctypes.c_void_p).value
    assert address is not None
    return address


@intrinsic
def call(typingctx, function, model, data):  # type: ignore[no-untyped-def]
    """Compiled: `function(model, data)` where all three are addresses and the function returns nothing."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointer = ir.IntType(8).as_pointer()
        function_type = ir.FunctionType(ir.VoidType(), [pointer, pointer])
        target = builder.inttoptr(arguments[0], function_type.as_pointer())
        builder.call(target, [builder.inttoptr(a, pointer) for a in arguments[1:]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), codegen


@intrinsic
def doubles(typingctx, address, count):  # type: ignore[no-untyped-def]
    """Compiled: the `count` doubles at `address` as a float64[count] array that does not own its memory."""
    array_type = types.Array(types.float64, 1, "C")

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, count = arguments
        array = context.make_array(array_type)(context, builder)
        item = context.get_abi_sizeof(ir.DoubleType())
        data = builder.inttoptr(address, ir.DoubleType().as_pointer())
        context.populate_array(
            array,
            data=data,
            shape=cgutils.pack_array(builder, [count]),
            strides=cgutils.pack_array(builder, [context.get_constant(types.intp, item)]),
            itemsize=context.get_constant(types.intp, item),
            meminfo=None,
        )
        return array._getvalue()

    return array_type(types.int64, types.int64), codegen


@intrinsic
def take(typingctx, counter):  # type: ignore[no-untyped-def]
    """Compiled: the value of `counter`, int64[1], which goes up by one; no two threads get the same."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(counter), codegen


def compiled_with(*modules: ModuleType) -> Callable[[F], F]:
    """Compile a cached function anew also when `modules`, which its compiled code was made of, have changed.

    Numba looks at a function's own file only, and would go on with the others' old code.
    """

    def mark(function: F) -> F:
        stamps = [(module.__name__, Path(module.__file__ or "").stat()) for module in modules]
        cache_file = getattr(function._cache, "_cache_file", None)  # type: ignore[attr-defined]
        if cache_file is not None:  # nothing is cached under NUMBA_DISABLE_JIT
            others = tuple((name, stat.st_mtime, stat.st_size) for name, stat in stamps)
            cache_file._source_stamp = (cache_file._source_stamp, others)
        return function

    return mark


@njit(cache=True, nogil=True)
def step_many(step: int, model: int, data: int, count: int) -> None:
    """`count` bare `mj_step`s in one call: the floor that our stepping is measured against."""
    for _ in range(count):
        call(step, model, data)  # type: ignore[call-arg]
