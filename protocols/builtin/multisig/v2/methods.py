"""The multisig actor, version 2: vesting begins when its maker says.

Sources are files of specs-actors v2.3.6, ``actors/builtin/multisig/``.
"""

from __future__ import annotations

from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.builtin.multisig import methods as version_0
from thespis.protocols.builtin.multisig.v2.state import ConstructorParamsV2
from thespis.protocols.vm.runtime import ActorRuntime


def constructor(runtime: ActorRuntime, params: ConstructorParamsV2) -> None:
    """Make the wallet; its funds vest from the epoch on that the parameters say.

    Source: ``multisig_actor.go``, Constructor.
    """
    version_0.construct(runtime, params.signers, params.threshold, params.unlock_duration, params.start_epoch)


METHODS: Methods = version_0.METHODS | {1: method(constructor, ConstructorParamsV2)}
