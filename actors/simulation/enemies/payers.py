"""Enemies with money: they sign messages that everyone takes, to have the room of others in every pool."""

from __future__ import annotations

from thespis.actors.simulation.enemies.enemy import Enemy
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned

HOLLOW_PER_EPOCH = 60
"""More than a pool holds, which the simulation makes small for this enemy."""
SPENT_PER_EPOCH = 10
SEND_EVERY_S = 0.05
"""So that they come in order: a pool takes little of what is out of it."""
GAS_LIMIT = 1_000_000
FEE_CAP = 10**9


class DearMessages(Enemy):
    """Outbids everybody, with fee caps that are never paid and with the same money again and again."""

    kind = "dear-messages"
    mines = True
    crowds_pools = True

    def act(self) -> None:
        """Fill every pool: nothing of it is mined, and it would cost nothing if it were kept."""
        chain = self.chain()
        head, keys = chain.head(), self.simulation.enemy_identities[0]
        state, base_fee = chain.state_after(head), chain.base_fee(head)
        account = state.get(keys.account)
        nonce = account.nonce if account is not None else 0
        hollow = max(1, base_fee - 1)
        for number in range(HOLLOW_PER_EPOCH):
            place = (keys.account, keys.account_key, nonce + number, 0, hollow, hollow)
            self.later(number * SEND_EVERY_S, self._send, *place)
        rich = state.get(keys.worker)
        if rich is None:
            return
        for number in range(SPENT_PER_EPOCH):
            value = rich.balance - 2 * FEE_CAP * GAS_LIMIT - self.number()
            place = (keys.worker, keys.worker_key, rich.nonce + number, value, FEE_CAP, FEE_CAP - base_fee)
            self.later(number * SEND_EVERY_S, self._send, *place)

    def _send(self, sender: Address, key: bytes, nonce: int, value: int, cap: int, premium: int) -> None:
        message = Message(
            Unsigned(0), sender, sender, Unsigned(nonce), TokenAmount(value), GAS_LIMIT, TokenAmount(cap),
            TokenAmount(premium), Unsigned(0), b"",
        )  # fmt: skip
        is_bls = sender.protocol is AddressProtocol.BLS
        kind = SignatureType.BLS if is_bls else SignatureType.SECP256K1
        signed = SignedMessage(message, sign(kind, key, message.signing_bytes()))
        self.port.inject(self.messages, self.nobody(), signed.encode(), self.connected())
