"""``Filecoin.Wallet*``: keys, and what is signed with them."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.queries import key_at, tree_at
from thespis.actors.api.registry import NodeView, ReadView, RpcError, rpc
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
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import Signature, check_signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import SignatureError
from thespis.runtime.actor.pages import all_pages


@rpc("WalletNew", "write", forms.key_type)
async def wallet_new(node: NodeView, kind: str) -> Any:
    """Make a key."""
    return await node.ask(NewKey(kind))


@rpc("WalletList", "write")
async def wallet_list(node: NodeView) -> Any:
    """The wallet's addresses."""
    keys = await all_pages(node.ask, ListKeys())
    return list(keys)


@rpc("WalletHas", "write", forms.address)
async def wallet_has(node: NodeView, address: Address) -> Any:
    """Whether the wallet has a key."""
    keys = await all_pages(node.ask, ListKeys())
    return address in keys


@rpc("WalletBalance", "read", forms.address, quick=True)
def wallet_balance(node: ReadView, address: Address) -> Any:
    """An address' balance; zero for one that is not on chain."""
    actor = tree_at(node, ()).get(address)
    return str(actor.balance if actor else 0)


@rpc("WalletSign", "sign", forms.address, forms.binary)
async def wallet_sign(node: NodeView, address: Address, data: bytes) -> Any:
    """Sign bytes."""
    signer = await node.beside(lambda view: key_at(view, (), address))
    signature = await node.ask(SignBytes(signer, data))
    return forms.signature_form(signature)


@rpc("WalletSignMessage", "sign", forms.address, forms.message)
async def wallet_sign_message(node: NodeView, address: Address, message: Message) -> Any:
    """Sign a message as it is."""
    signer = await node.beside(lambda view: key_at(view, (), address))
    signature = await node.ask(SignBytes(signer, message.signing_bytes()))
    return forms.signed_form(SignedMessage(message, signature))


@rpc("WalletVerify", "read", forms.address, forms.binary, forms.signature)
def wallet_verify(_node: ReadView, address: Address, data: bytes, signature: Signature) -> Any:
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
    return default


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
    """Keep a key, in Lotus' form or in that of go-filecoin's exports."""
    kind, private_key = forms.key_info(info)
    return await node.ask(ImportKey(kind, private_key))


@rpc("WalletDelete", "admin", forms.address)
async def wallet_delete(node: NodeView, address: Address) -> Any:
    """Forget a key."""
    await node.ask(DeleteKey(address))


@rpc("WalletValidateAddress", "read", forms.address, quick=True)
def wallet_validate(_node: ReadView, address: Address) -> Any:
    """An address in its usual form."""
    return address
