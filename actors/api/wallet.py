"""``Filecoin.Wallet*``: keys, and what is signed with them."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, RpcError, rpc
from thespis.actors.messages.wallet import (
    DefaultKey,
    DeleteKey,
    ExportKey,
    ImportKey,
    ListKeys,
    NewKey,
    SetDefaultKey,
    SignBytes,
)
from thespis.protocols.builtin.queries.actors import key_address
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature, check_signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import SignatureError
from thespis.runtime.actor.pages import all_pages


@rpc("WalletNew", "write", forms.text)
async def wallet_new(node: NodeView, kind: str) -> Any:
    """Make a key."""
    made = await node.ask(NewKey(kind))
    return str(made)


@rpc("WalletList", "write")
async def wallet_list(node: NodeView) -> Any:
    """The wallet's addresses."""
    keys = await all_pages(node.ask, ListKeys())
    return [str(address) for address in keys]


@rpc("WalletHas", "write", forms.address)
async def wallet_has(node: NodeView, address: Address) -> Any:
    """Whether the wallet has a key."""
    keys = await all_pages(node.ask, ListKeys())
    return address in keys


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
    signature = await node.ask(SignBytes(signer, data))
    return forms.signature_form(signature)


@rpc("WalletSignMessage", "sign", forms.address, forms.message)
async def wallet_sign_message(node: NodeView, address: Address, message: Message) -> Any:
    """Sign a message as it is."""
    state = node.chain.state_after(node.tipset(()))
    signer = key_address(node.chain.blocks, state, address)
    signature = await node.ask(SignBytes(signer, message.signing_bytes()))
    return forms.signed_form(SignedMessage(message, signature))


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
    default = await node.ask(DefaultKey())
    if default is None:
        raise RpcError(1, "the wallet is empty; make a key: thespis wallet new")
    return str(default)


@rpc("WalletSetDefault", "write", forms.address)
async def wallet_set_default(node: NodeView, address: Address) -> Any:
    """Choose the default sender."""
    await node.ask(SetDefaultKey(address))


@rpc("WalletExport", "admin", forms.address)
async def wallet_export(node: NodeView, address: Address) -> Any:
    """Give out a key."""
    key = await node.ask(ExportKey(address))
    return {"Type": key.kind, "PrivateKey": forms.bytes_form(key.private_key)}


@rpc("WalletImport", "admin", forms.anything)
async def wallet_import(node: NodeView, info: Any) -> Any:
    """Keep a key."""
    fields = info if isinstance(info, dict) else {}
    kind, private_key = forms.text(fields.get("Type")), forms.binary(fields.get("PrivateKey"))
    made = await node.ask(ImportKey(kind, private_key))
    return str(made)


@rpc("WalletDelete", "admin", forms.address)
async def wallet_delete(node: NodeView, address: Address) -> Any:
    """Forget a key."""
    await node.ask(DeleteKey(address))


@rpc("WalletValidateAddress", "read", forms.address)
def wallet_validate(_node: NodeView, address: Address) -> Any:
    """An address in its usual form."""
    return str(address)
