"""Small helps for emitting LLVM IR from numba intrinsics: functions made once per module, memory, loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types

I8, I32, I64, I128 = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.IntType(128)
Emit = Callable[[ir.IRBuilder, Sequence[ir.Value]], None]


def function(module: ir.Module, name: str, count: int, emit: Emit) -> ir.Function:
    """The module's internal function `name` of `count` 64-bit arguments; its body is emitted at the first call.

    Small bodies are inlined, large ones are called.
    """
    name = f"thespis_{name}"
    found = module.globals.get(name)
    if found is None:
        found = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * count), name)
        found.linkage = "internal"
        found.attributes.add("nounwind")
        builder = ir.IRBuilder(found.append_basic_block())
        emit(builder, found.args)
        builder.ret_void()
    return found


def emitted(name: str, count: int, emit: Emit) -> tuple[Any, Any]:
    """What a numba intrinsic of `count` unsigned arguments returns to call an emitted function."""

    def codegen(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Sequence[ir.Value]) -> ir.Value:
        builder.call(function(builder.module, name, count, emit), arguments)
        return context.get_dummy_value()

    return types.void(*[types.uint64] * count), codegen


def at(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type, index: int | ir.Value = 0) -> ir.Value:
    """A pointer to the `index`-th value of a type from an address on."""
    number = ir.Constant(I64, index) if isinstance(index, int) else index
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [number])


def load(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type, index: int | ir.Value = 0) -> ir.Value:
    """A value from memory of any alignment."""
    return builder.load(at(builder, address, kind, index), align=1)


def store(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, index: int | ir.Value = 0) -> None:
    """A value into memory of any alignment."""
    builder.store(value, at(builder, address, value.type, index), align=1)


def advance(builder: ir.IRBuilder, address: ir.Value, bytes_: int | ir.Value) -> ir.Value:
    """An address further on."""
    return builder.add(address, ir.Constant(I64, bytes_) if isinstance(bytes_, int) else bytes_)


def constants(kind: ir.VectorType, values: Sequence[int]) -> ir.Constant:
    """A constant vector."""
    return ir.Constant(kind, list(values))


def call(builder: ir.IRBuilder, name: str, result: ir.Type, arguments: Sequence[ir.Value]) -> ir.Value:
    """Call an LLVM intrinsic."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    found = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(found, arguments)


@contextmanager
def loop(
    builder: ir.IRBuilder, count: ir.Value | int, carried: Sequence[ir.Value] = ()
) -> Iterator[tuple[ir.Value, list[Any], list[Any]]]:
    """A loop of `count` turns: its number, the carried values, and a list to put their next values in.

    After the loop the third list holds the carried values' last ones.
    """
    limit = ir.Constant(I64, count) if isinstance(count, int) else count
    before = builder.block
    head, body, after = (builder.append_basic_block() for _ in range(3))
    builder.branch(head)
    builder.position_at_end(head)
    number = builder.phi(I64)
    number.add_incoming(ir.Constant(I64, 0), before)
    values = [builder.phi(value.type) for value in carried]
    for phi, value in zip(values, carried, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_unsigned("<", number, limit), body, after)
    builder.position_at_end(body)
    following: list[Any] = []
    yield number, values, following
    end = builder.block
    number.add_incoming(builder.add(number, ir.Constant(I64, 1)), end)
    for phi, value in zip(values, following, strict=True):
        phi.add_incoming(value, end)
    builder.branch(head)
    builder.position_at_end(after)
    following[:] = values
