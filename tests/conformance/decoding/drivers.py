"""The programs of Go that answer for the reference: made out of ``go/`` and the modules that Lotus was built with."""

import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

from tests.conformance.decoding.records import ACTORS, RECORDS

SOURCES = Path(__file__).parent / "go"
FILECOIN = "github.com/filecoin-project"
MODULES = {
    "actors": f"""module drive
go 1.20
require (
    {FILECOIN}/lotus v1.4.0
    {FILECOIN}/specs-actors v0.9.13
    {FILECOIN}/specs-actors/v2 v2.3.6
)
replace {FILECOIN}/filecoin-ffi => ./empty/filecoin-ffi
replace github.com/supranational/blst => ./empty/blst
replace github.com/daaku/go.zipexe => github.com/daaku/go.zipexe v1.0.2
replace {FILECOIN}/go-address => {FILECOIN}/go-address v0.0.5-0.20201103152444-f2023ef3f5bb
replace {FILECOIN}/go-bitfield => {FILECOIN}/go-bitfield v0.2.3-0.20201110211213-fe2c1862e816
replace {FILECOIN}/go-state-types => {FILECOIN}/go-state-types v0.0.0-20201102161440-c8033295a1fc
replace github.com/whyrusleeping/cbor-gen => github.com/whyrusleeping/cbor-gen v0.0.0-20200826160007-0b9f6c5fb163
replace github.com/ipfs/go-ipld-cbor => github.com/ipfs/go-ipld-cbor v0.0.5
""",
    "chain": f"""module drive
go 1.24
require {FILECOIN}/lotus v1.34.1
replace {FILECOIN}/filecoin-ffi => ./empty/filecoin-ffi
replace {FILECOIN}/test-vectors => ./empty/test-vectors
""",
}
"""Libraries are those of the Lotus of the time, and not what later actors ask for: a decoder is mostly in them.

Types are the same in specs-actors v0.9.13 and v0.9.15, whose own libraries are later ones.
"""
NO_SETS = """package main

import "bytes"

func setsOf(Value) func(Value, *bytes.Buffer) error { return nil }
"""
EXCHANGE = """package exchange

import (
    "github.com/filecoin-project/lotus/chain/types"
    "github.com/ipfs/go-cid"
)

type status uint64

type Request struct {
    Head            []cid.Cid
    Length, Options uint64
}
type Response struct {
    Status       status
    ErrorMessage string
    Chain        []*BSTipSet
}
type BSTipSet struct {
    Blocks   []*types.BlockHeader
    Messages *CompactedMessages
}
type CompactedMessages struct {
    Bls           []*types.Message
    BlsIncludes   [][]uint64
    Secpk         []*types.SignedMessage
    SecpkIncludes [][]uint64
}
"""
HELLO = """package hello

import (
    "github.com/filecoin-project/go-state-types/abi"
    "github.com/filecoin-project/go-state-types/big"
    "github.com/ipfs/go-cid"
)

type HelloMessage struct {
    HeaviestTipSet       []cid.Cid
    HeaviestTipSetHeight abi.ChainEpoch
    HeaviestTipSetWeight big.Int
    GenesisHash          cid.Cid
}
type LatencyMessage struct{ TArrival, TSent int64 }
"""
"""The packages that decode these import all of a node; so their types stand here, and their decoders are taken."""


def driver_of(compared):
    """Which program knows the types of a record."""
    return "actors" if compared.dialect is ACTORS else "chain"


def go(folder, *arguments):
    """Run Go in a folder; whoever runs it sees what it says when it fails."""
    environment = {**os.environ, "GOFLAGS": "-mod=mod -buildvcs=false", "GOTOOLCHAIN": "local"}
    return subprocess.run(
        ["go", *arguments], cwd=folder, env=environment, check=True, text=True, stdout=subprocess.PIPE
    ).stdout.strip()


def kinds_source(types):
    """The table of a program's types."""
    packages = defaultdict(list)
    for kind in sorted(types):
        packages[kind.rpartition(".")[0]].append(kind)
    lines = ["package main", "", "import ("]
    for number, package in enumerate(packages):
        host = "" if package.startswith("drive/") else "github.com/"
        lines.append(f'\tp{number} "{host}{package}"')
    lines += [")", "", "var kinds = map[string]func() Value{"]
    for number, kinds in enumerate(packages.values()):
        lines += [f'\t"{kind}": func() Value {{ return new(p{number}.{kind.rpartition(".")[2]}) }},' for kind in kinds]
    return "\n".join([*lines, "}", ""])


def build(folder, name):
    """Make one program in a folder, which fetches modules if Go does not have them; returns its path."""
    here = folder / name
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir(parents=True)
    (here / "go.mod").write_text(MODULES[name])
    for source in SOURCES.glob("*.go"):
        shutil.copy(source, here)
    if name == "chain":
        (here / "sets.go").write_text(NO_SETS)
    for empty in ("filecoin-ffi", "test-vectors", "blst"):
        (here / "empty" / empty).mkdir(parents=True)
        owner = "supranational" if empty == "blst" else "filecoin-project"
        (here / "empty" / empty / "go.mod").write_text(f"module github.com/{owner}/{empty}\n")
    if name == "chain":
        go(here, "mod", "download", f"{FILECOIN}/lotus")
        lotus = Path(go(here, "list", "-m", "-f", "{{.Dir}}", f"{FILECOIN}/lotus"))
        parts = {"exchange": (EXCHANGE, "chain/exchange", ("cbor_gen.go", "protocol_encoding.go"))}
        parts["hello"] = (HELLO, "node/hello", ("cbor_gen.go",))
        for package, (types, where, decoders) in parts.items():
            (here / package).mkdir()
            (here / package / "types.go").write_text(types)
            for decoder in decoders:
                (here / package / decoder).write_text((lotus / where / decoder).read_text())
    types = {kind for each in RECORDS if driver_of(each) == name for kind in each.types}
    (here / "kinds.go").write_text(kinds_source(types))
    go(here, "build", "-o", "driver", ".")
    return here / "driver"
