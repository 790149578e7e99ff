"""Writes docs/conformance.md: ``python -m tests.conformance``, which counts the rules that run."""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from thespis.protocols.builtin.codes import actors_version, name_of
from thespis.protocols.builtin.registry import ACTORS
from thespis.protocols.encoding.address import Address
from thespis.protocols.vm.exit_codes import ActorNotImplementedError

from tests import vectors
from tests.conformance.decoding.records import RECORDS
from tests.conformance.decoding.report import section
from tests.conformance.reached import rules_reached
from tests.conformance.rules import RULES
from tests.conformance.runner import NETWORK_VERSION_MAX, cases, run, run_tipsets
from tests.protocols.builtin.reference import TRACES, Replayed, agreeable, trace_of
from tests.protocols.ipld import historic_runs

TARGET = Path(__file__).parents[2] / "docs" / "conformance.md"
VERSIONS = range(NETWORK_VERSION_MAX + 1)
RUNNERS = {"message": run, "tipset": run_tipsets}
INTRODUCTION = """# Conformance: what passes of the network's own test vectors

Written by `make conformance`, never by hand. A cell is *variants that pass / variants there are* of the corpus'
families by network version: exit codes, return values, gas, receipts and the state's root must all be the recorded
ones. Vectors that their authors marked `incorrect` are left out, as the corpus' schema asks; a test of their own holds
that all 146 variants end as recorded. Proofs of storage in the corpus are SNARKs, which this node does not check: their
outcome is taken from the recorded receipts.

How strictly bytes are read, by the reference and here, is in [decoding.md](decoding.md).
"""

TREES = """
## Maps and arrays of 2020

State roots and gas up to network version 5 depend on how the Go libraries of the time read, change and write their
nodes. Random sequences (set, delete, get, walk, flush, reload; keys that collide; nodes that a library reads and would
not write) were answered by the libraries themselves; those whose root, values, reads and writes are the same here:

| library | sequences |
| --- | --- |
"""

TRACES_INTRODUCTION = """
## What the actors do as the reference does

Recorded from specs-actors v0.9.15 and v2.3.6 in their own test machines: random messages, each compared in exit code,
answer, and every entry of the state that it changed. Where the reference walks declared sectors in no order, it was
made to walk them by deadline and partition. Methods are those that a message of a trace calls by itself, of all that
the actor has; calls within calls are compared with them and not counted. Exits are pairs of method and code.
"""


def outcome(case, kind):
    """Nothing for a variant that passes, else its first difference."""
    try:
        differences = RUNNERS[kind](case)
    except ActorNotImplementedError as error:
        return str(error)
    return differences[0] if differences else ""


def table_of(head, rows):
    """A table of Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def traces(reached):
    """A row for each trace and kind of actor: how many of its messages agree, what they reach; rules by version."""
    rows = []
    for path in sorted(TRACES.glob("*.json.gz")):
        trace = trace_of(path.name.removesuffix(".json.gz"))
        replayed, agree, all_of, exits = Replayed(trace), Counter(), Counter(), defaultdict(set)
        with pytest.MonkeyPatch.context() as patch:
            agreeable(patch, trace)
            for *message, code, returned, digest in trace["messages"]:
                actor = replayed.state.get(Address.from_text(message[2]))
                kind = name_of(actor.code) if actor else "nobody"
                applied, changed = replayed.apply(*message)
                same = (applied.receipt.exit_code, changed) == (code, digest)
                agree[kind] += same and (not returned or applied.receipt.return_value.hex() == returned)
                all_of[kind] += 1
                exits[kind].add((message[4], code))
        version = actors_version(trace["network_version"])
        reached[version] |= RULES.counted()
        methods = ACTORS[version]
        for kind in sorted(all_of):
            there = set(methods.get(kind, {}))
            called = f"{len({number for number, _ in exits[kind]} & there)}/{len(there)}" if there else ""
            name = path.name.removesuffix(".json.gz")
            rows.append([name, kind, f"{agree[kind]}/{all_of[kind]}", called, str(len(exits[kind]))])
    return rows


def main():
    """Everything that the page says; the exit code tells whether all agrees and every rule is reached or named."""
    root = vectors.path("conformance")
    rows, failures, reached = [], defaultdict(list), {0: RULES.counted() and set(), 2: set()}
    for family in sorted(each.name for each in root.iterdir() if each.is_dir()):
        for kind in RUNNERS:
            all_of, passed = Counter(), Counter()
            for case in cases(root, family, kind):
                version, difference = case.variant["nv"], outcome(case, kind)
                reached[actors_version(version)] |= RULES.counted()
                all_of[version] += 1
                passed[version] += not difference
                if difference:
                    failures[difference].append(f"{family}/{case.name}")
            if all_of:
                cells = [f"{passed[each]}/{all_of[each]}" if all_of[each] else "" for each in VERSIONS]
                rows.append([family, kind, *cells, f"{sum(passed.values())}/{sum(all_of.values())}"])
    head = ["family", "class", *(f"nv {each}" for each in VERSIONS), "all"]
    trees = "\n".join(historic_runs.report())
    text = f"{INTRODUCTION}\n{table_of(head, rows)}{TREES}{trees}\n"
    if failures:
        text += "\n## What does not pass, and why\n\n"
        text += "".join(
            f"* {len(names)} variants, such as `{names[0]}`: {difference}\n"
            for difference, names in sorted(failures.items(), key=lambda entry: -len(entry[1]))
        )
    head = ["trace", "actor", "messages that agree", "methods", "exits"]
    text += f"{TRACES_INTRODUCTION}\n{table_of(head, traces(reached))}"
    told, unnamed = rules_reached(RULES.places, reached)
    text += told
    text += section(len(RECORDS))
    TARGET.write_text(text)
    sys.stdout.write(text)
    return 1 if failures or unnamed else 0
