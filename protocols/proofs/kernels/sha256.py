"""SHA-256 kernels: a stream of blocks, and rows of Merkle trees; with SHA instructions where the processor has them.

Addresses go to the kernels as integers (``array.ctypes.data``), so that nothing is copied and the GIL is released.
"""

from __future__ import annotations

from typing import Any

from numba import njit, uint64, void
from numba.extending import intrinsic
from thespis.protocols.proofs.kernels import cpu, sha256_lanes, sha256_x86
from thespis.protocols.proofs.kernels.ir import emitted

_THREE = void(uint64, uint64, uint64)


@intrinsic
def blocks_x86(_context: Any, state: Any, data: Any, count: Any) -> Any:
    """Compress blocks with the SHA instructions."""
    return emitted("sha256_blocks_x86", 3, sha256_x86.emit_blocks)


@intrinsic
def blocks_plain(_context: Any, state: Any, data: Any, count: Any) -> Any:
    """Compress blocks with plain integers."""
    return emitted("sha256_blocks_plain", 3, sha256_lanes.emit_blocks)


@intrinsic
def _nodes_x86(_context: Any, nodes: Any, digests: Any, count: Any) -> Any:
    return emitted("sha256_nodes_x86", 3, sha256_x86.emit_nodes(sha256_x86.STREAMS))


@intrinsic
def _node_x86(_context: Any, nodes: Any, digests: Any, count: Any) -> Any:
    return emitted("sha256_node_x86", 3, sha256_x86.emit_nodes(1))


@intrinsic
def _nodes_lanes(_context: Any, nodes: Any, digests: Any, count: Any) -> Any:
    return emitted("sha256_nodes_lanes", 3, sha256_lanes.emit_nodes)


@intrinsic
def _node_plain(_context: Any, nodes: Any, digests: Any, count: Any) -> Any:
    return emitted("sha256_node_plain", 3, sha256_lanes.emit_node)


@njit(_THREE, cache=True, nogil=True)
def _row_x86(nodes, digests, count):
    groups = count // uint64(sha256_x86.STREAMS)
    done = groups * uint64(sha256_x86.STREAMS)
    _nodes_x86(nodes, digests, groups)
    _node_x86(nodes + done * uint64(64), digests + done * uint64(32), count - done)


@njit(_THREE, cache=True, nogil=True)
def _row_lanes(nodes, digests, count):
    groups = count // uint64(sha256_lanes.LANES)
    done = groups * uint64(sha256_lanes.LANES)
    _nodes_lanes(nodes, digests, groups)
    _node_plain(nodes + done * uint64(64), digests + done * uint64(32), count - done)


@njit(_THREE, cache=True, nogil=True)
def _stream_x86(state, data, count):
    blocks_x86(state, data, count)


@njit(_THREE, cache=True, nogil=True)
def _stream_portable(state, data, count):
    blocks_plain(state, data, count)


blocks = blocks_x86 if cpu.has_sha() else blocks_plain
"""``blocks(state, data, count)`` for other kernels to call."""

stream = _stream_x86 if cpu.has_sha() else _stream_portable
"""``stream(state, data, count)``: compress `count` 64-byte blocks into eight 32-bit words."""

tree_row = _row_x86 if cpu.has_sha() and not cpu.has_wide_vectors() else _row_lanes
"""``tree_row(nodes, digests, count)``: digests of `count` 64-byte nodes, two bits cleared; 32 bytes each.

Sixteen lanes of 512-bit vectors beat the SHA instructions; narrower vectors do not.
"""
