"""``Filecoin.Mpool*``, ``Filecoin.Gas*`` and ``Filecoin.Wallet*``: messages, what they cost, and who signs them."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, RpcError, rpc
from thespis.actors.chain.views import key_address
from thespis.actors.messages.msg_pool import (
    AddMessage,
    EstimateGas,
    Explanation,
    ListMessages,
    MessageAdded,
    NextNonce,
    NonceAnswer,
    RemoveMessage,
    SelectMessages,
    SendMessage,
    SignedBytes,
    SignedMessages,
    UnsignedBytes,
    WhyWaiting,
)
from thespis.actors.messages.wallet import (
    DefaultKey,
    DeleteKey,
    ExportedKey,
    ExportKey,
    ImportKey,
    KeyList,
    ListKeys,
    NewKey,
    SetDefaultKey,
    SignatureBytes,
    SignBytes,
    WalletAddress,
)
from thespis.actors.msg_pool.gas import estimate_limit, estimate_premium
from thespis.protocols.chain.fees import fee_cap_after
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import TipsetKey
from thespis.protocols.crypto.signature import Signature, check_signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import SignatureError

# -- Mpool ---------------------------------------------------------------------------------------------------


@rpc("MpoolGetNonce", "read", forms.address)
async def pool_nonce(node: NodeView, address: Address) -> Any:
    """The next nonce of a sender."""
    number: NonceAnswer = await node.ask("MsgPool", NextNonce(address))
    return number.value


@rpc("MpoolPush", "write", forms.signed)
async def pool_push(node: NodeView, signed: SignedMessage) -> Any:
    """Take a signed message."""
    added: MessageAdded = await node.ask("MsgPool", AddMessage(signed.encode(), True))
    return forms.cid_form(added.cid)


@rpc("MpoolPushUntrusted", "write", forms.signed)
async def pool_push_untrusted(node: NodeView, signed: SignedMessage) -> Any:
    """Take a signed message of a stranger: it is not kept over a restart."""
    added: MessageAdded = await node.ask("MsgPool", AddMessage(signed.encode(), False))
    return forms.cid_form(added.cid)


@rpc("MpoolPushMessage", "sign", forms.message, forms.send_spec)
async def pool_push_message(node: NodeView, message: Message, max_fee: int) -> Any:
    """Complete, sign and take a message."""
    sent: SignedBytes = await node.ask("MsgPool", SendMessage(message.encode(), max_fee))
    return forms.signed_form(SignedMessage.decode(sent.data))


@rpc("MpoolPending", "read", forms.key)
async def pool_pending(node: NodeView, _key: TipsetKey) -> Any:
    """What waits."""
    waiting: SignedMessages = await node.ask("MsgPool", ListMessages())
    return [forms.signed_form(SignedMessage.decode(data)) for data in waiting.data]


@rpc("MpoolSelect", "read", forms.key, forms.anything)
async def pool_select(node: NodeView, key: TipsetKey, _quality: Any) -> Any:
    """What the next block would take."""
    tipset = node.tipset(key)
    chosen: SignedMessages = await node.ask("MsgPool", SelectMessages(tipset.key, node.chain.base_fee(tipset)))
    return [forms.signed_form(SignedMessage.decode(data)) for data in chosen.data]


@rpc("MpoolSub", "read")
def pool_subscribe(node: NodeView) -> Any:
    """A channel of messages that come and go."""
    return node.open_channel("mpool")


@rpc("Thespis.MpoolRemove", "write", forms.cid)
async def pool_remove(node: NodeView, cid: Cid) -> Any:
    """Drop a message from this node's pool."""
    await node.ask("MsgPool", RemoveMessage(cid))


@rpc("Thespis.MpoolWhy", "read", forms.cid)
async def pool_why(node: NodeView, cid: Cid) -> Any:
    """Why a message waits, and what to do."""
    explained: Explanation = await node.ask("MsgPool", WhyWaiting(cid))
    return {"Reason": explained.reason, "Remedy": explained.remedy}


# -- Gas -----------------------------------------------------------------------------------------------------


@rpc("GasEstimateMessageGas", "read", forms.message, forms.send_spec, forms.key)
async def gas_message(node: NodeView, message: Message, max_fee: int, _key: TipsetKey) -> Any:
    """A message with its gas fields filled in."""
    filled: UnsignedBytes = await node.ask("MsgPool", EstimateGas(message.encode(), max_fee))
    return forms.message_form(Message.decode(filled.data))


@rpc("GasEstimateGasLimit", "read", forms.message, forms.key)
def gas_limit(node: NodeView, message: Message, key: TipsetKey) -> Any:
    """A gas limit with a margin."""
    return estimate_limit(node.chain, node.tipset(key), message)


@rpc("GasEstimateGasPremium", "read", forms.integer, forms.address, forms.integer, forms.key)
async def gas_premium(node: NodeView, _blocks: int, _sender: Address, _limit: int, _key: TipsetKey) -> Any:
    """A premium that beats the middle of what waits."""
    waiting: SignedMessages = await node.ask("MsgPool", ListMessages())
    return str(estimate_premium([SignedMessage.decode(data) for data in waiting.data]))


@rpc("GasEstimateFeeCap", "read", forms.message, forms.integer, forms.key)
def gas_fee_cap(node: NodeView, message: Message, blocks: int, key: TipsetKey) -> Any:
    """A fee cap that holds for some epochs of full blocks."""
    base_fee = node.chain.base_fee(node.tipset(key))
    return str(fee_cap_after(base_fee, message.gas_premium, blocks))


# -- Wallet --------------------------------------------------------------------------------------------------


@rpc("WalletNew", "write", forms.text)
async def wallet_new(node: NodeView, kind: str) -> Any:
    """Make a key."""
    made: WalletAddress = await node.ask("Wallet", NewKey(kind))
    return str(made.address)


@rpc("WalletList", "write")
async def wallet_list(node: NodeView) -> Any:
    """The wallet's addresses."""
    keys: KeyList = await node.ask("Wallet", ListKeys())
    return [str(address) for address in keys.addresses]


@rpc("WalletHas", "write", forms.address)
async def wallet_has(node: NodeView, address: Address) -> Any:
    """Whether the wallet has a key."""
    keys: KeyList = await node.ask("Wallet", ListKeys())
    return address in keys.addresses


@rpc("WalletBalance", "read", forms.address)
def wallet_balance(node: NodeView, address: Address) -> Any:
    """An address' balance; zero for one that is not on chain."""
    actor = node.chain.state_after(node.tipset(())).get(address)
    return str(actor.balance if actor else 0)


@rpc("WalletSign", "sign", forms.address, forms.binary)
async def wallet_sign(node: NodeView, address: Address, data: bytes) -> Any:
    """Sign bytes."""
    state = node.chain.state_after(node.tipset(()))
    signer = key_address(node.chain.blocks, state, address)
    signature: SignatureBytes = await node.ask("Wallet", SignBytes(signer, data))
    return forms.signature_form(Signature.from_bytes(signature.data))


@rpc("WalletSignMessage", "sign", forms.address, forms.message)
async def wallet_sign_message(node: NodeView, address: Address, message: Message) -> Any:
    """Sign a message as it is."""
    signature: SignatureBytes = await node.ask("Wallet", SignBytes(address, message.signing_bytes()))
    return forms.signed_form(SignedMessage(message, Signature.from_bytes(signature.data)))


@rpc("WalletVerify", "read", forms.address, forms.binary, forms.signature)
def wallet_verify(_node: NodeView, address: Address, data: bytes, signature: Signature) -> Any:
    """Whether a signature is an address' over bytes."""
    try:
        check_signature(signature, address, data)
    except SignatureError:
        return False
    return True


@rpc("WalletDefaultAddress", "write")
async def wallet_default(node: NodeView) -> Any:
    """The default sender."""
    default: WalletAddress = await node.ask("Wallet", DefaultKey())
    if default.address is None:
        raise RpcError(1, "the wallet is empty; make a key: thespis wallet new")
    return str(default.address)


@rpc("WalletSetDefault", "write", forms.address)
async def wallet_set_default(node: NodeView, address: Address) -> Any:
    """Choose the default sender."""
    await node.ask("Wallet", SetDefaultKey(address))


@rpc("WalletExport", "admin", forms.address)
async def wallet_export(node: NodeView, address: Address) -> Any:
    """Give out a key."""
    key: ExportedKey = await node.ask("Wallet", ExportKey(address))
    return {"Type": key.kind, "PrivateKey": forms.bytes_form(key.private_key)}


@rpc("WalletImport", "admin", forms.anything)
async def wallet_import(node: NodeView, info: Any) -> Any:
    """Keep a key."""
    fields = info if isinstance(info, dict) else {}
    kind, private_key = forms.text(fields.get("Type")), forms.binary(fields.get("PrivateKey"))
    made: WalletAddress = await node.ask("Wallet", ImportKey(kind, private_key))
    return str(made.address)


@rpc("WalletDelete", "admin", forms.address)
async def wallet_delete(node: NodeView, address: Address) -> Any:
    """Forget a key."""
    await node.ask("Wallet", DeleteKey(address))


@rpc("WalletValidateAddress", "read", forms.address)
def wallet_validate(_node: NodeView, address: Address) -> Any:
    """An address in its usual form."""
    return str(address)
