"""What the page says of rules: how many of them ran, by actor and version, and why the others did not."""

from collections import Counter, defaultdict

INTRODUCTION = """
## Which rules ran

Counted while the vectors and traces above ran: every outcome of every method, condition, operand of a condition, loop,
handler and refusal in `protocols/builtin` (not its `queries` and `invariants`, which no message runs). A rule of both
versions counts once in the first column, and in each of the next two where that version ran it.

| rules of | outcomes | run by version 0 | run by version 2 | run by neither |
| --- | --- | --- | --- | --- |
"""

UNREACHED = """
Outcomes that nothing above reaches, and why; the rest of what stands there ran.

"""

IMPOSSIBLE = "guards the books: no message makes a state in which it fails, and the reference has the same check"
READERS = "run by genesis, by migrations or by whoever looks at a state from outside, not by a message"
AGREEABLE = (
    "the machine that made the traces takes every signature, proof and report of a fault, and the corpus has none that "
    "fails there; tests of the actors alone reach those of payment channels, seals, window proofs and reports"
)
CALLEES = "the actor that is called refuses nothing that this one sends"
ROUNDS = "needs 200 or 3,000 partitions of one message or deadline"
FAILED_CRON = "needs a miner whose own cron failed, or a claim that went while events of it waited"
LATER = "for network versions that this node does not run, and actors of others"
FIXED = "a rule before it has refused that already, with these constants"
RARE = "possible, and made by no trace so far"

WHY = {
    IMPOSSIBLE: {
        "init/state.py": ["type(number) is not int"],
        "market/activation.py": ["tables.pending.get(deal.cid().data) is None"],
        "market/settlement.py": ["runtime.check("],
        "market/tables.py": [
            "after < 0", "amount > self.of(address)", ".delete(", "amount < 0", "state.last_updated_epoch",
            "deal.start_epoch > epoch", "state.slash_epoch <=", "left < 0", "state.sector_start_epoch == NEVER",
        ],
        "multisig/state.py": ["amount < 0"],
        "power/methods.py": ["not had"],
        "power/state.py": ["total < 0", "changed_claim: ", "epoch >= 0"],
        "storage_miner/compaction.py": ["removed != added"],
        "storage_miner/expiration_queue.py": ["without: ", "remaining", "reschedule: sectors"],
        "storage_miner/money.py": ["runtime.check(", "require_pledge: "],
        "storage_miner/deadline.py": ["pop_early_terminations: wire is None", "close: new.power"],
        "storage_miner/partition.py": ["add_sectors: ", "pop_expired: "],
        "storage_miner/pre_commit.py": ["allocate: "],
        "storage_miner/sectors.py": ["delete_pre_committed: "],
        "storage_miner/state.py": ["is_negative: ", "__bool__: "],
        "storage_miner/v2/confirm.py": ["_activated: "],
        "storage_miner/v2/expiration_queue.py": ["_store_set: ", "_check_movable: "],
        "storage_miner/v2/money.py": ["check_balance: "],
        "storage_miner/v2/partition.py": ["checked: "],
        "storage_miner/v2/state.py": ["update: ", "unlocked < 0", "penalty < 0", "check_balance: "],
        "storage_miner/vesting.py": ["load: ", "encode: "],
        "storage_miner/window_post.py": ["found is None"],
        "verifreg.py": ["a negative allowance"],
    },
    READERS: {
        "init/state.py": ["InitState", "resolve: "],
        "methods.py": ["method"],
        "power/state.py": ["claim_of", "miners", "meets_minimum"],
        "storage_miner/layouts.py": ["layout_for"],
        "storage_miner/partition.py": ["active_power"],
        "storage_miner/state.py": ["initial: ", "load_sectors"],
        "storage_miner/vesting.py": ["from_wire", "to_wire"],
    },
    AGREEABLE: {
        "market/activation.py": ["failing_as"],
        "market/publication.py": ["failing_as"],
        "paych/methods.py": ["failing_as"],
        "power/methods.py": ["verify_batch: holds"],
        "storage_miner/consensus_fault.py": ["failing_as", "age <= 0"],
        "storage_miner/window_post.py": ["failing_as"],
    },
    CALLEES: {
        path: ["require_success"]
        for path in (
            "market/escrow.py", "market/settlement.py", "paych/methods.py", "power/methods.py", "reward/methods.py",
            "storage_miner/balance.py", "storage_miner/calls.py", "storage_miner/consensus_fault.py",
            "storage_miner/identity.py", "storage_miner/prove_commit.py", "storage_miner/v2/balance.py",
        )
    },
    ROUNDS: {
        "storage_miner/balance.py": ["state.early_terminations"],
        "storage_miner/cron.py": ["process_early_terminations", "PROCESS_EARLY_TERMINATIONS", "had_early"],
        "storage_miner/deadline.py": ["not more", "result.below", "early_terminations.runs"],
        "storage_miner/declarations.py": ["len(declarations) > most"],
        "storage_miner/outcomes.py": ["below: "],
        "storage_miner/partition.py": ["pop_early_terminations: "],
        "storage_miner/periods.py": ["is_closed"],
        "storage_miner/termination.py": ["more", "not had", "result.below"],
        "storage_miner/v2/balance.py": ["state.early_terminations"],
        "storage_miner/v2/cron.py": ["process_early_terminations", "had_early"],
        "storage_miner/v2/window_post.py": ["proof_partitions_max"],
    },
    FAILED_CRON: {
        "power/methods.py": ["require_claim: ", "take: "],
        "power/v2/methods.py": ["on_epoch_tick_end: failed", "_due: ", "_without_claims"],
    },
    LATER: {"codes.py": ["network_version <= 5", "is_builtin: ", "name_of: "]},
    FIXED: {
        "storage_miner/extension.py": ["seal_proof not in"],
        "storage_miner/pre_commit.py": ["old.seal_proof"],
    },
    RARE: {
        "smoothing.py": ["shift > 0", "squared > VELOCITY_EPSILON"],
        "storage_miner/confirm.py": ["lasting: "],
        "storage_miner/deadline.py": ["reschedule: "],
        "storage_miner/money.py": ["power.value() == 0"],
        "storage_miner/pre_commit.py": ["number not in partition.sectors", "sector_lifetime_max"],
        "storage_miner/prove_commit.py": ["info.seal_rand_epoch < earliest"],
        "storage_miner/v2/confirm.py": ["unlocked < pledge"],
        "storage_miner/v2/cron.py": ["not now.period_started"],
    },
}  # fmt: skip


def reason_of(place):
    """Why nothing reaches a place, or None."""
    said = f"{place.function.rsplit('.', 1)[-1]}: {place.text}"
    for why, found in WHY.items():
        if any(text in said for text in found.get(place.path, ())):
            return why
    return None


def rules_reached(places, reached):
    """The section of the page, and the places that nothing reaches and nobody named; `reached` is by version."""
    where = defaultdict(list)
    for number, place in enumerate(places):
        where[place.path].append(number)
    everything = set().union(*reached.values())
    text, total = INTRODUCTION, Counter()
    for path, numbers in sorted(where.items()):
        here = set(numbers)
        counts = [len(here), *(len(here & reached[version]) for version in (0, 2)), len(here - everything)]
        total.update(dict(enumerate(counts)))
        text += f"| {path} | {' | '.join(map(str, counts))} |\n"
    text += f"| all | {' | '.join(str(total[column]) for column in range(4))} |\n{UNREACHED}"
    missed = [place for number, place in enumerate(places) if number not in everything]
    by_reason = defaultdict(lambda: defaultdict(list))
    for place in missed:
        by_reason[reason_of(place) or "**nobody knows why**"][place.path].append(place)
    for why, paths in by_reason.items():
        text += f"* {why}:\n"
        for path, found in sorted(paths.items()):
            texts = sorted({f"`{place.text.replace('|', '∣')}` {place.outcome}" for place in found})
            text += f"  * {path}: {'; '.join(texts)}\n"
    return text, [place for place in missed if reason_of(place) is None]
