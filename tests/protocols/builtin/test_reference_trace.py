"""Thousands of random messages, each with what the reference made of it.

The traces were made by executing specs-actors v0.9.15 and v2.3.6 in their own test machines: random messages, valid and
not. Those of all actors are sent to miners, the market, the registry, the reward and the power actor, with shorter
periods and cron; those of one actor reach every method and exit of it; `rules` are made for rules that no others reach.
Each message's outcome and the digest of every entry that it changed are compared.
"""

import pytest

from tests.protocols.builtin.reference import Replayed, agreeable, trace_of

CHECK_EVERY = 10
"""The books are in order after every message; to see it after some is enough."""


def replay(name, monkeypatch, *, books=True):
    """Compare message by message; returns the methods with the codes that they ended with."""
    trace = trace_of(name)
    agreeable(monkeypatch, trace)
    replayed, codes = Replayed(trace), set()
    for number, (*message, code, returned, digest) in enumerate(trace["messages"]):
        applied, changed = replayed.apply(*message)
        receipt = applied.receipt
        what = f"message {number}, method {message[4]} of {message[2]} at epoch {message[0]}"
        assert receipt.exit_code == code, f"{what}: {applied.reason}"
        assert not returned or receipt.return_value.hex() == returned, what
        assert changed == digest, f"{what}: another state or balance than the reference's"
        codes.add((message[4], code))
        if books and number % CHECK_EVERY == 0:
            assert replayed.violations() == [], what
    return codes


@pytest.mark.parametrize("name", ["actors-v2-network-4", "actors-v2-network-5"])
def test_version_2_does_what_the_reference_does(name, monkeypatch):
    assert len(replay(name, monkeypatch)) > 40, "the trace has lost its variety"


@pytest.mark.parametrize("name", ["multisig-v0-network-1", "multisig-v0-network-3", "multisig-v2-network-4"])
def test_wallets_of_several_signers_do_what_the_reference_s_do(name, monkeypatch):
    """Network version 1 has no LockBalance; version 2 purges approvals, and rounds what is locked up."""
    codes = replay(name, monkeypatch)
    assert {method for method, code in codes if code == 0} >= {2, 3, 4, 5, 6, 7, 8}
    assert ((9, 3) in codes) == (name == "multisig-v0-network-1")
    assert len(codes) >= 29, "the trace has lost its variety"


@pytest.mark.parametrize("name", ["paych-v0-network-3", "paych-v2-network-4"])
def test_payment_channels_do_what_the_reference_s_do(name, monkeypatch):
    """Vouchers with conditions, secrets, time locks and merges, of which some name the highest lane that there is."""
    codes = replay(name, monkeypatch)
    assert {method for method, code in codes if code == 0} >= {0, 2, 3, 4}
    assert ((2, 32) in codes) == (name == "paych-v2-network-4"), "version 2 refuses vouchers of a settled channel"
    assert len(codes) >= 16, "the trace has lost its variety"


@pytest.mark.parametrize("name", ["singletons-v0-network-3", "singletons-v2-network-4"])
def test_registry_accounts_init_reward_and_power_do_what_the_reference_s_do(name, monkeypatch):
    """Callers and addresses of every kind, of which many are nobody's; in version 0 a division by zero ends cron.

    Miners claim power there that no sector of theirs has, so the books do not agree.
    """
    codes = replay(name, monkeypatch, books=False)
    assert {method for method, code in codes if code == 0} >= {0, 2, 3, 4, 5, 6, 9}
    assert len(codes) >= 25, "the trace has lost its variety"


MINERS = ["miner-v0-network-0", "miner-v0-network-1", "miner-v0-network-3", "miner-v2-network-4", "miner-v2-network-5"]


@pytest.mark.parametrize("name", MINERS)
def test_miners_and_market_do_what_the_reference_s_do(name, monkeypatch):
    """Sectors with and without deals, of two sizes: sealed, upgraded, proven, faulty, recovered, extended, compacted.

    One message in eight has parameters that are not what they were, another caller, or another value. What miners and
    market ask of each other is called from outside, too, so the books do not agree.
    """
    codes = replay(name, monkeypatch, books=False)
    succeeded = {method for method, code in codes if code == 0}
    assert succeeded >= {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16, 18, 19, 20}
    assert len(codes) >= 90, "the trace has lost its variety"


@pytest.mark.parametrize("name", ["rules-v0-network-1", "rules-v0-network-3", "rules-v2-network-5"])
def test_what_is_seldom_ends_as_the_reference_ends_it(name, monkeypatch):
    """Two hundred proofs in an epoch, replaced sectors gone meanwhile, poor and accused miners, far-off arguments."""
    assert len(replay(name, monkeypatch, books=False)) >= 50, "the trace has lost its variety"


@pytest.mark.parametrize("name", ["rounds-v0-network-3", "rounds-v2-network-5"])
def test_what_is_too_much_for_one_message_is_settled_in_rounds(name, monkeypatch):
    """Two sectors are what a message may be about there, so three that end early are settled by two crons."""
    codes = replay(name, monkeypatch, books=False)
    assert {(9, 0), (9, 16), (16, 18), (19, 20)} <= codes
