"""The numba code, and nothing else: each kernel has a clear twin in the modules above, and is tested against it.

Compiled code is kept on disk under a stamp of these sources, of numba and of the chosen paths (`cpu`), so that the
second start pays nothing and no change of a code generator can meet code that an older one made.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import llvmlite
import numba


def _cache_folder() -> Path:
    """Where compiled kernels lie: ``NUMBA_CACHE_DIR`` or the user's cache folder, and in it the sources' stamp."""
    path = os.environ.get("THESPIS_KERNELS", "")
    stamp = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {path}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        stamp.update(source.read_bytes())
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(cache, "thespis")
    return Path(base, f"kernels-{stamp.hexdigest()[:16]}")


numba.config.CACHE_DIR = str(_cache_folder())
