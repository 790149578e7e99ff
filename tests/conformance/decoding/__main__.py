"""Our decoders and those of the reference, side by side: ``python -m tests.conformance.decoding --inputs 1000000``.

It needs Go, and the modules of two versions of Lotus. What was counted is kept in ``counts.json``, a record at a time,
for docs/conformance.md; each seed adds to them. Delete the file when decoders or the making of inputs change.
"""

import argparse
import json
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

from thespis.protocols.builtin.methods import Bare
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.errors import BrokenBitfieldError, DecodeError

from tests.conformance.decoding.differences import parts, row_of
from tests.conformance.decoding.drivers import build, driver_of
from tests.conformance.decoding.records import CANONICAL, RECORDS
from tests.conformance.decoding.report import COUNTS
from tests.conformance.decoding.seeds import Seeds

OUTCOMES = ("refused", "taken", "broken", "panicked", "different", "unwritable")
REFUSED, TAKEN, BROKEN = range(3)
DONE = (
    "nothing", "wide head", "indefinite length", "number", "length that lies", "truncated", "bytes after", "null",
    "float or simple value", "other type", "bytes", "big integer", "set", "address", "link", "tag", "text", "array",
    "part of another", "bit flipped", "long", "signature",
)  # fmt: skip
"""What was done to an input, by the number of its bit in a frame."""
_FRAME = struct.Struct(">IBII")
_SAME = 0xFFFFFFFF


def ours(compared, data):
    """What we make of an input: the outcome, what is written again with what is in its sets, the reason."""
    form = compared.form
    try:
        if isinstance(form, Bare) or hasattr(form, "decode"):
            found = form.decode(data, dialect=compared.dialect)
        else:
            found = form.from_wire(cbor.decode_prefix(data))
    except DecodeError as error:
        return REFUSED, b"", str(error)
    written = form.encode(found) if isinstance(form, Bare) else found.encode()
    try:
        sets = [Bitfield(part.runs).encode() for part in parts(found) if isinstance(part, Bitfield)]
    except BrokenBitfieldError as error:
        return BROKEN, written, str(error)
    return TAKEN, written + b"".join(sets), ""


def answers(driver, corpus, count, seed, types):
    """Inputs, and what the reference makes of each: the outcome, what was done to it, what is written again."""
    command = [driver, corpus, str(count), seed, *types]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=1 << 20) as process:
        read = process.stdout.read
        while head := read(_FRAME.size):
            size, outcome, done, again_size = _FRAME.unpack(head)
            data = read(size)
            yield data, outcome, done, data if again_size == _SAME else read(again_size)
    if process.returncode:
        raise SystemExit(f"the driver for {types[0]} ended with {process.returncode}")


def agree(compared, data, theirs, mine):
    """Whether both make the same of an input; canonical readers take what the reference writes again as it came."""
    (outcome, again), (own, written) = theirs, mine
    if compared.dialect is CANONICAL:
        return (own == TAKEN) == (outcome == TAKEN and again == data) and (own != TAKEN or written == data)
    return (own, written) == (outcome, again if outcome in (TAKEN, BROKEN) else b"")


def compare(compared, driver, folder, count, seed):
    """Count what became of a record's inputs; returns the counts, and the smallest input of each kind."""
    corpus = folder / f"{compared.name.replace('/', '-')}.seeds"
    corpus.write_bytes(b"".join(struct.pack(">I", len(each)) + each for each in Seeds().encoded(compared.form)))
    outcomes, named, unnamed, smallest = Counter(), Counter(), {}, {}
    for data, outcome, done, again in answers(driver, corpus, count, seed, compared.types):
        own, written, reason = ours(compared, data)
        outcomes[OUTCOMES[outcome]] += 1
        kind = None
        if not agree(compared, data, (outcome, again), (own, written)):
            kind = row_of(compared, data, OUTCOMES[outcome], OUTCOMES[own], reason)
            if kind:
                named[kind] += 1
            else:
                unnamed.setdefault(f"{OUTCOMES[outcome]}, here {OUTCOMES[own]}: {reason}"[:100], data.hex())
        if done & (done - 1) == 0:
            kind = (DONE[done.bit_length() - 1], OUTCOMES[outcome], again == data, kind)
            if kind not in smallest or len(data) < len(smallest[kind]):
                smallest[kind] = data
    counts = {"types": compared.types, "reader": compared.dialect.value, "inputs": outcomes.total(), "seeds": [seed]}
    counts |= {"outcomes": dict(sorted(outcomes.items())), "named": dict(sorted(named.items())), "unnamed": unnamed}
    return counts, smallest


def keep(counts, name):
    """Put a record's counts among the others, or add them to what other seeds gave for the same types."""
    found = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    old = found.get(name, {})
    if old.get("types") == list(counts["types"]) and old["reader"] == counts["reader"]:
        if set(counts["seeds"]) & set(old["seeds"]):
            raise SystemExit(f"{name}: seed {counts['seeds'][0]} is counted already; take another, or delete {COUNTS}")
        for each in ("outcomes", "named"):
            counts[each] = dict(sorted((Counter(old[each]) + Counter(counts[each])).items()))
        counts |= {"inputs": old["inputs"] + counts["inputs"], "seeds": old["seeds"] + counts["seeds"]}
        counts["unnamed"] = old["unnamed"] | counts["unnamed"]
    found[name] = counts
    ordered = {each.name: found[each.name] for each in RECORDS if each.name in found}
    COUNTS.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of each record")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--folder", type=Path, default=Path("build/decoding"), help="where programs and seeds go")
    parser.add_argument("--only", default="", help="records whose name has this in it")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    drivers, failed = {}, 0
    for compared in RECORDS:
        if arguments.only not in compared.name:
            continue
        name = driver_of(compared)
        drivers[name] = drivers.get(name) or build(folder, name)
        counts, smallest = compare(compared, drivers[name], folder, arguments.inputs, arguments.seed)
        keep(counts, compared.name)
        examples = {" | ".join(map(str, kind)): data.hex() for kind, data in smallest.items()}
        (folder / f"{compared.name.replace('/', '-')}.smallest.json").write_text(json.dumps(examples, indent=1))
        failed += bool(counts["unnamed"])
        sys.stdout.write(f"{compared.name}: {counts['outcomes']} named {counts['named']} {counts['unnamed'] or ''}\n")
        sys.stdout.flush()
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
