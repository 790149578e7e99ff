"""Thousands of random messages, each with what the reference made of it.

The traces were made by executing specs-actors v2.3.6 in its own test machine, with shorter periods: random messages to
miners, the market, the registry, the reward and the power actor, valid and not, and cron. Each message's outcome and
the digest of every entry that it changed are compared.
"""

import pytest

from tests.protocols.builtin.reference import Replayed, agreeable, trace_of

CHECK_EVERY = 10
"""The books are in order after every message; to see it after some is enough."""


@pytest.mark.parametrize("name", ["actors-v2-network-4", "actors-v2-network-5"])
def test_version_2_does_what_the_reference_does(name, monkeypatch):
    agreeable(monkeypatch)
    trace = trace_of(name)
    replayed, codes = Replayed(trace), set()
    for number, (*message, code, returned, digest) in enumerate(trace["messages"]):
        applied, changed = replayed.apply(*message)
        receipt = applied.receipt
        what = f"message {number}, method {message[4]} of {message[2]} at epoch {message[0]}"
        assert receipt.exit_code == code, f"{what}: {applied.reason}"
        assert not returned or receipt.return_value.hex() == returned, what
        assert changed == digest, f"{what}: another state or balance than the reference's"
        codes.add((message[4], code))
        if number % CHECK_EVERY == 0:
            assert replayed.violations() == [], what
    assert len(codes) > 40, "the trace has lost its variety"
