"""The network's conformance corpus, message class: exit code, return value, gas used and state root must match.

Families are added as their actors come; what calls an actor that is not there yet must say so and give no answer.
"""

import pytest

from protocols.vm.machine import ActorNotImplementedError
from tests import vectors
from tests.conformance.runner import cases, run

COMPLETE = ("transfer", "multisig")
PARTIAL = {"msg_application": 37, "actor_creation": 25, "nested": 70}
"""Families with vectors that call actors still to come, and how many variants pass today."""
TO_COME = ("vm_violations", "paych", "actor_deletion")


def family(name):
    found = cases(vectors.path("conformance"), name)
    assert found
    return found


@pytest.mark.parametrize("name", COMPLETE)
def test_complete_families(name):
    for case in family(name):
        assert run(case) == [], case.name


@pytest.mark.parametrize("name", PARTIAL)
def test_partial_families(name):
    passed = 0
    for case in family(name):
        try:
            assert run(case) == [], case.name
            passed += 1
        except ActorNotImplementedError:
            continue
    assert passed == PARTIAL[name]


@pytest.mark.parametrize("name", TO_COME)
def test_families_to_come_say_so(name):
    for case in family(name)[:5]:
        with pytest.raises(ActorNotImplementedError, match="not implemented yet"):
            run(case)
