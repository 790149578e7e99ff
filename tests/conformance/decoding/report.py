"""The part of docs/conformance.md on decoders, out of ``counts.json``."""

import json
from pathlib import Path

COUNTS = Path(__file__).with_name("counts.json")
INTRODUCTION = """
## What is read, and what is refused

Written by `make decoding`, which needs Go, and which adds to these counts with each seed: records bent and broken, read
by the reference's own types and by ours. Both must take or refuse an input, and write the same again; of several Go
types that are alike the first is named, and all of them answered. *Named* are differences that a row of
[decoding.md](decoding.md) has; there is no other. Compared so far: {reached} of {records} records, {inputs} inputs.

"""
HEAD = ("record", "reader", "inputs", "taken", "refused", "broken", "named")


def section(records):
    """The text, for as many records as there are."""
    counts = json.loads(COUNTS.read_text())
    rows = [HEAD, ("---",) * len(HEAD)]
    for name, each in counts.items():
        outcomes = [str(each["outcomes"].get(outcome, 0)) for outcome in ("taken", "refused", "broken")]
        kind = name.rpartition(" ")[0]
        rows.append((f"`{kind}`", each["reader"], str(each["inputs"]), *outcomes, str(sum(each["named"].values()))))
    inputs = sum(each["inputs"] for each in counts.values())
    text = INTRODUCTION.format(reached=len(counts), records=records, inputs=f"{inputs:,}")
    return text + "".join(f"| {' | '.join(row)} |\n" for row in rows)
