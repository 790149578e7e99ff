"""The market's methods by number, version 2."""

from __future__ import annotations

from thespis.protocols.builtin.market import methods as version_0
from thespis.protocols.builtin.market.calls import DealWeightsV2, VerifyDealsParams
from thespis.protocols.builtin.market.v2 import activation
from thespis.protocols.builtin.methods import Methods, method

METHODS: Methods = version_0.METHODS | {
    5: method(activation.verify_deals_for_activation, VerifyDealsParams, DealWeightsV2)
}
