"""``Filecoin.Gas*``: what messages cost."""

from __future__ import annotations

import dataclasses
from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import WRONG_PARAMS, NodeView, RpcError, rpc
from thespis.actors.messages.msg_pool import EstimateGas, EstimatePremium
from thespis.actors.msg_pool.gas import estimate_limit
from thespis.protocols.chain.fees import fee_cap_after
from thespis.protocols.chain.message import Message
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.encoding.address import Address


@rpc("GasEstimateMessageGas", "read", forms.message, forms.send_spec, forms.key)
async def gas_message(node: NodeView, message: Message, max_fee: int, _key: TipsetKey) -> Any:
    """A message with its gas fields filled in; trying it out is done here, so that the pool executes nothing for it."""
    if not message.gas_limit:
        limit = await node.beside(lambda view: estimate_limit(view.chain, view.tipset(()), message), quick=False)
        message = dataclasses.replace(message, gas_limit=limit)
    filled = await node.ask(EstimateGas(message, max_fee))
    return forms.message_form(filled)


@rpc("GasEstimateGasLimit", "read", forms.message, forms.key)
def gas_limit(node: NodeView, message: Message, key: TipsetKey) -> Any:
    """A gas limit with a margin."""
    return estimate_limit(node.chain, node.tipset(key), message)


@rpc("GasEstimateGasPremium", "read", forms.natural, forms.address, forms.natural, forms.key)
async def gas_premium(node: NodeView, _blocks: int, _sender: Address, _limit: int, _key: TipsetKey) -> Any:
    """A premium that beats the middle of what waits."""
    premium = await node.ask(EstimatePremium())
    return str(premium)


@rpc("GasEstimateFeeCap", "read", forms.message, forms.natural, forms.key)
def gas_fee_cap(node: NodeView, message: Message, blocks: int, key: TipsetKey) -> Any:
    """A fee cap that holds for some epochs of full blocks."""
    if message.gas_premium < 0:
        raise RpcError(WRONG_PARAMS, f"gas premium {message.gas_premium} is negative")
    base_fee = node.chain.base_fee(node.tipset(key))
    return str(fee_cap_after(base_fee, message.gas_premium, blocks))
