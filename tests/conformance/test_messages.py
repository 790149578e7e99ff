"""The network's conformance corpus: exit code, return value, gas used, receipts and state roots must match.

Families are added as their actors come; what calls an actor that is not there yet must say so and give no answer.
"""

import pytest

from protocols.vm.exit_codes import ActorNotImplementedError
from tests import vectors
from tests.conformance.runner import cases, run, run_tipsets

COMPLETE = (
    "actor_creation", "actor_deletion", "extracted", "msg_application", "multisig", "paych", "transfer",
    "vm_violations",
)  # fmt: skip
PARTIAL = {"nested": 71}
"""Families with vectors that call actors still to come, and how many variants pass today."""


TIPSET_FAMILIES = ("reward", "msg_application")
ACTORS_V0_NETWORKS = range(4)


def family(name, kind="message"):
    found = cases(vectors.path("conformance"), name, kind)
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


@pytest.mark.parametrize("name", TIPSET_FAMILIES)
def test_tipsets_up_to_network_version_3(name):
    for case in family(name, "tipset"):
        if case.variant["nv"] in ACTORS_V0_NETWORKS:
            assert run_tipsets(case) == [], case.name


@pytest.mark.parametrize("name", TIPSET_FAMILIES)
def test_tipsets_on_actors_to_come_say_so(name):
    for case in family(name, "tipset"):
        if case.variant["nv"] not in ACTORS_V0_NETWORKS:
            with pytest.raises(ActorNotImplementedError, match="not implemented yet"):
                run_tipsets(case)
