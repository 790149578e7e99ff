"""The payment channel actor, version 2: the call that a voucher asks for gets no proof.

Sources are files of specs-actors v2.3.6, ``actors/builtin/paych/``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from thespis.protocols.builtin.methods import Methods, method
from thespis.protocols.builtin.paych import methods as version_0
from thespis.protocols.builtin.paych.methods import SignedVoucher
from thespis.protocols.encoding.tuples import Record, record

if TYPE_CHECKING:
    from thespis.protocols.vm.runtime import ActorRuntime


@record
class UpdateParamsV2(Record):
    """A voucher, and the secret that it may ask for."""

    voucher: SignedVoucher
    secret: bytes


def update_channel_state(runtime: ActorRuntime, params: UpdateParamsV2) -> None:
    """Redeem a voucher of the other side; none is redeemed once the channel is settled.

    Source: ``paych_actor.go``, UpdateChannelState.
    """
    version_0.redeem(runtime, params.voucher, params.secret, None)


METHODS: Methods = version_0.METHODS | {2: method(update_channel_state, UpdateParamsV2)}
