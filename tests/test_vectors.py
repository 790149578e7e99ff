"""No vector file is forgotten: each is read by a test, or stands here with the reason why it is not yet."""

import re
from pathlib import Path

import pytest

from tests.vectors import ROOT

LATER = {
    "market_*.json": "formats and rules of the markets over the network, which are not built yet",
    "openrpc_forest_v*.json": "another node's description of its API; rpc_methods.json, which is read, has its methods",
}


def test_every_vector_file_is_read():
    if not ROOT.exists():
        pytest.skip(f"vectors are absent: {ROOT}")
    read = set()
    for file in Path(__file__).parent.rglob("*.py"):
        read |= set(re.findall(r'(?:load|path|each|from_vectors)\(f?"([\w./{}-]+)"', file.read_text()))
    read |= {name.partition("/")[0] for name in read}
    unread = {
        each.name
        for each in ROOT.iterdir()
        if each.name not in read and not any(each.match(pattern) for pattern in LATER)
    }
    assert unread == set(), "read them in a test, or say in LATER why not"
    for pattern in LATER:
        assert list(ROOT.glob(pattern)), f"{pattern} names no file any more"
