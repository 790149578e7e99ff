"""Why a message waits, in words, with what can be done about it."""

from __future__ import annotations

from thespis.actors.chain.search import Executed
from thespis.actors.messages.msg_pool import Explanation
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.encoding.bigint import format_fil
from thespis.protocols.vm.state_tree import Actor


def explain(
    signed: SignedMessage, chain: list[SignedMessage], account: Actor, base_fee: int, fault: str = ""
) -> Explanation:
    """The first reason that holds a message back, looking at what comes before it of the same sender.

    A `fault` of this node, whose chain stands still, comes before everything.
    """
    if fault:
        return Explanation(
            f"this node {fault}",
            "see its log; while its chain stands still, it cannot know what becomes of the message",
        )
    message = signed.message
    nonces = {other.message.nonce for other in chain}
    for nonce in range(account.nonce, message.nonce):
        if nonce not in nonces:
            return Explanation(
                f"nonce {nonce} is missing: the account is at {account.nonce}, this message has {message.nonce}",
                f"send a message with nonce {nonce}, for example an empty one to yourself",
            )
    balance: int = account.balance
    for other in chain:
        each = other.message
        if each.nonce > message.nonce:
            break
        own = each.nonce == message.nonce
        which = "it" if own else f"the message before it with nonce {each.nonce}"
        if each.gas_fee_cap < base_fee:
            return Explanation(
                f"{which} pays at most {each.gas_fee_cap} attoFIL per gas; the base fee is {base_fee}",
                f"wait until the base fee falls, or replace {which} with a higher fee cap and premium (mpool replace)",
            )
        cost = each.highest_cost()
        if cost > balance:
            return Explanation(
                f"{which} may cost {format_fil(cost)}; {format_fil(balance)} are left for it",
                "send the account more FIL, or replace the message with one that costs less",
            )
        balance -= cost
    return Explanation(
        "nothing holds it back; it waits for a block whose miner takes it",
        "if it waits for more than a few epochs, replace it with a higher premium (mpool replace)",
    )


def on_chain(height: int) -> Explanation:
    """It waits no more."""
    return Explanation(f"it is on chain, at height {height}", "nothing is to be done")


def gone(message: Message, instead: SignedMessage | None, mined: Executed | None, account_nonce: int) -> Explanation:
    """What became of a message that is in neither chain nor pool: another may have its nonce, waiting or on chain.

    To send it again is never the advice: that is a second message, with a nonce of its own, and pays again.
    """
    if instead is not None:
        return Explanation(
            f"message {instead.chain_cid()} has its nonce {message.nonce} and waits in its place",
            f"look at that one: thespis mpool why {instead.chain_cid()}",
        )
    if account_nonce > message.nonce:
        which = f"message {mined.cid} at height {mined.tipset.height}" if mined else "another message"
        return Explanation(
            f"{which} used its nonce {message.nonce}; it can never be mined",
            "see what that message did before you decide to send anything: it may have paid already",
        )
    return Explanation(
        "it does not wait here any more: it was dropped, for better pay or by hand; its nonce is still free",
        "others may still have it, and it may yet be mined: push the same signed message again, which cannot pay "
        "twice; to be rid of it, use its nonce for another",
    )


def unknown() -> Explanation:
    """This node has never seen it, or forgot it long ago."""
    return Explanation(
        "neither the chain nor the pool of this node has it",
        "check the CID, and ask the node that it was sent from; before you send anything again, look at the sender's "
        "nonce and at its messages on chain (thespis state search-msg), or you may pay twice",
    )
