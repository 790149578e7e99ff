"""Which paths this processor has, decided once; ``THESPIS_KERNELS=portable`` turns the special ones off."""

from __future__ import annotations

import os
from functools import lru_cache

from llvmlite import binding

PORTABLE = "portable"


@lru_cache(maxsize=1)
def features() -> frozenset[str]:
    """Names of the processor's features, as LLVM calls them; none when the portable paths are forced."""
    if os.environ.get("THESPIS_KERNELS") == PORTABLE:
        return frozenset()
    return frozenset(name for name, there in binding.get_host_cpu_features().items() if there)


def has_sha() -> bool:
    """Whether x86 SHA instructions are there, and the shuffles that feed them."""
    return {"sha", "ssse3", "sse4.1"} <= features()


def has_ifma() -> bool:
    """Whether 52-bit multiply-add on 512-bit vectors is there."""
    return {"avx512f", "avx512ifma"} <= features()


def has_wide_vectors() -> bool:
    """Whether 512-bit vectors are there."""
    return "avx512f" in features()
