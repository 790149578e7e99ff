"""The decoders of the reference and ours: every record is compared, and no difference is without a name.

The comparison itself needs Go (``make decoding``); what it found is here: counts, and the smallest input of each class.
"""

import json
import typing
from pathlib import Path

import pytest
from thespis.protocols.builtin.methods import Bare
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.builtin.states import STATES
from thespis.protocols.encoding.tuples import Record

from tests.conformance.decoding.__main__ import OUTCOMES, ours
from tests.conformance.decoding.differences import LINK, LONG, MASKED, NULL, TEXT, row_of
from tests.conformance.decoding.drivers import kinds_source
from tests.conformance.decoding.records import RECORDS
from tests.conformance.decoding.report import COUNTS, section
from tests.conformance.decoding.seeds import Seeds

NAMED = {record.name: record for record in RECORDS}
REFUSED, SAME, BROKEN = "refused", "taken, and written as it came", "taken, with a set that is broken"
EXAMPLES: dict[str, dict[str, str]] = {
    "drive/exchange.BSTipSet chain": {
        "8280f6": SAME,
        "8281f6f6": NULL,
    },
    "drive/exchange.Request canonical": {
        "8381d82a4018ff00": REFUSED,
        "8381d82a410019ffff1affffffff": REFUSED,
        "8381d82a4200011702": REFUSED,
        "8381d82a42b001001818": REFUSED,
        "8381d82a47000100a0e4020019ffff1b0000000100000000": LINK,
        "8381d82a4a000180808080800111001818190100": SAME,
        "f6": REFUSED,
    },
    "drive/exchange.Request chain": {
        "8381d82a4500027111000118ff": REFUSED,
        "8381d82a46000100120197011818": SAME,
    },
    "drive/exchange.Response canonical": {
        "00": REFUSED,
        "830061ff80": TEXT,
        "8302656c6162656c81f6": NULL,
        "83056080": SAME,
        "8305609fff": REFUSED,
        "831b7fffffffffffffff66c5be6c75c5a5818280f6": SAME,
        "8338806080": REFUSED,
        "931b800000000000000066c5be6c75c5a580": REFUSED,
    },
    "drive/exchange.Response chain": {
        "83016080": SAME,
    },
    "drive/hello.HelloMessage canonical": {
        "84802040d82a4400858000": REFUSED,
    },
    "drive/hello.LatencyMessage canonical": {
        "": REFUSED,
        "802020": REFUSED,
        "8112": REFUSED,
        "820000": SAME,
        "82010b": SAME,
        "820120": SAME,
        "820820": SAME,
        "82182c0851": REFUSED,
        "82185c02": SAME,
        "822004": SAME,
        "822020": SAME,
        "8220209aac": REFUSED,
        "82380020": REFUSED,
        "8239fdfe20": SAME,
        "8239fffe20": SAME,
        "82c40020": REFUSED,
        "f4": REFUSED,
    },
    "drive/hello.LatencyMessage chain": {
        "1c": REFUSED,
    },
    "go-address.Address actors": {
        "4100": REFUSED,
    },
    "go-address.Address chain": {
        "40": REFUSED,
        "420001": SAME,
        "56040aff00000000000000000000006e59be600fb4f8b2": MASKED,
    },
    "go-bitfield.BitField actors": {
        "40": SAME,
        "4055": "40",
        "4100": BROKEN,
        "410027": BROKEN,
        "420027": "4200270027",
        "422c07": "422c072c07",
        "42e024": "42e024e024",
        "442039c007": "442039c0072039c007",
        "48e0b00040ca75ee41": BROKEN,
    },
    "go-state-types/big.Int actors": {
        "00": REFUSED,
        "40": SAME,
        "400101": "40",
        "41": REFUSED,
        "4100": "40",
        "5800": REFUSED,
        "c040": REFUSED,
    },
    "go-state-types/big.Int chain": {
        "07": REFUSED,
        "40": SAME,
        "400101": "40",
        "408b": "40",
        "41": REFUSED,
        "4100": "40",
        "4100ff": "40",
        "4104": REFUSED,
        "42": REFUSED,
        "4200fe": SAME,
        "5800": REFUSED,
        "c140": REFUSED,
    },
    "go-state-types/crypto.Signature actors": {
        "40": REFUSED,
        "4102": SAME,
    },
    "go-state-types/crypto.Signature chain": {
        "4101": SAME,
    },
    "lotus/chain/types.BeaconEntry chain": {
        "": REFUSED,
        "80": REFUSED,
        "820040": SAME,
        "820540": SAME,
        "82181840": SAME,
        "822540": REFUSED,
        "f6": REFUSED,
    },
    "lotus/chain/types.Message actors": {
        "00": REFUSED,
    },
    "lotus/chain/types.Message chain": {
        "00": REFUSED,
    },
    "lotus/chain/types.SignedMessage canonical": {
        "15": REFUSED,
    },
    "lotus/chain/types.Ticket chain": {
        "8140": SAME,
        "9f40ff": REFUSED,
    },
    "specs-actors/actors/builtin/init.ConstructorParams actors": {
        "8160": SAME,
    },
    "specs-actors/actors/builtin/miner.PoStPartition actors": {
        "00": REFUSED,
        "1c": REFUSED,
        "8200426022": "82004260226022",
        "8201423003": "82014230033003",
        "82054460580008": "8205446058000860580008",
        "820d42c026": "820d42c026c026",
        "8218ff43803020": "8218ff43803020803020",
    },
    "specs-actors/actors/builtin/miner.TerminateSectorsReturn actors": {
        "81f4": SAME,
    },
    "specs-actors/actors/builtin/multisig.ChangeNumApprovalsThresholdParams actors": {
        "": REFUSED,
        "80": REFUSED,
        "8100": SAME,
        "8102": SAME,
        "811818": SAME,
        "8137": REFUSED,
    },
    "specs-actors/actors/builtin/reward.AwardBlockRewardParams actors": {
        "f6": REFUSED,
    },
    "specs-actors/actors/builtin/reward.ThisEpochRewardReturn actors": {
        "8340f6420101": NULL,
    },
    "specs-actors/actors/builtin/system.State actors": {
        "80": SAME,
        "9fff": REFUSED,
    },
    "whyrusleeping/cbor-gen.CborCid actors": {
        "d7450001702000": REFUSED,
        "d82a450001551200": SAME,
    },
}
"""What both make of an input: hex of what is written again, then of what is in its sets; or the row of a difference."""


def kind_of(form):
    return form.kind if isinstance(form, Bare) else form


def test_every_record_that_enters_the_chain_or_the_state_is_compared():
    compared = {kind_of(record.form) for record in RECORDS}
    for methods in (each for actors in ACTORS.values() for each in actors.values()):
        for method in methods.values():
            for form in filter(None, (method.params, method.returns)):
                assert kind_of(form) in compared, method.rule
    for kinds in STATES.values():
        assert set(kinds.values()) <= compared
    inner = {
        each
        for kind in compared
        if isinstance(kind, type) and issubclass(kind, Record)
        for hint in typing.get_type_hints(kind).values()
        for each in (hint, *typing.get_args(hint))
        if isinstance(each, type) and issubclass(each, Record)
    }
    assert {each.__name__ for each in inner - compared} <= {"SectorId"}, "a part of one record alone, and no Go type"


def test_seeds_are_valid():
    """What inputs are bent out of is taken as it is; else nothing deep in a record would be reached."""
    for record in RECORDS:
        for data in Seeds().encoded(record.form, count=5):
            outcome, written, reason = ours(record, data)
            assert OUTCOMES[outcome] == "taken", (record.name, reason)
            assert written.startswith(data)


def test_no_difference_is_without_a_name():
    counts = json.loads(COUNTS.read_text())
    assert set(counts) <= set(NAMED), "delete the others, or run `make decoding` again"
    for name, each in counts.items():
        assert each["unnamed"] == {}, name
        assert set(each["outcomes"]) <= {"refused", "taken", "broken"}
        assert each["types"] == list(NAMED[name].types)
        assert sum(each["outcomes"].values()) == each["inputs"]


@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name, examples in EXAMPLES.items() for given in examples]
)
def test_the_smallest_input_of_each_class(name, given):
    expected = EXAMPLES[name][given]
    outcome, written, reason = ours(NAMED[name], bytes.fromhex(given))
    if expected in (MASKED, NULL, LINK, TEXT):
        assert OUTCOMES[outcome] == "refused"
        assert row_of(NAMED[name], bytes.fromhex(given), "taken", "refused", reason) == expected
    elif expected in (REFUSED, BROKEN):
        assert OUTCOMES[outcome] == expected.replace(BROKEN, "broken")
    else:
        assert OUTCOMES[outcome] == "taken"
        assert written.hex() == (given if expected == SAME else expected)


def test_the_documentation_has_the_counts():
    text = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()
    assert text.endswith(section(len(RECORDS)))


def test_a_long_text_has_a_row():
    """Our own files are bounded by the whole; the reference refuses a text over its bound."""
    record = NAMED["drive/exchange.Response canonical"]
    data = bytes.fromhex("8300792001") + b"x" * 8193 + b"\x80"
    assert OUTCOMES[ours(record, data)[0]] == "taken"
    assert row_of(record, data, "refused", "taken", "") == LONG
    assert row_of(record, bytes.fromhex("83006080"), "refused", "taken", "") is None


def test_a_driver_knows_a_type_by_its_package():
    text = kinds_source({"filecoin-project/go-address.Address", "drive/hello.HelloMessage"})
    assert '\tp0 "drive/hello"\n\tp1 "github.com/filecoin-project/go-address"\n' in text
    assert '"filecoin-project/go-address.Address": func() Value { return new(p1.Address) },' in text
