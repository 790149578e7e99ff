"""Gas: what the virtual machine charges, and the meter of one message.

A price has a part for computing and a part for storage; the storage part is multiplied, by 1000 in the first price list
(Lotus ``chain/vm/gas.go``).
"""

from __future__ import annotations

from dataclasses import dataclass

from thespis.protocols.vm.exit_codes import ActorAbort, ExitCode

_LARGE_WINDOW_PROOFS = (8, 9)
"""Registered window proofs of 32 and 64 GiB."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices in gas units, sizes in bytes."""

    storage_multiplier: int = 1000
    message_compute: int = 38_863
    message_storage: int = 36
    message_storage_per_byte: int = 1
    return_value_per_byte: int = 1
    send_base: int = 29_233
    send_transfer_funds: int = 27_500
    send_transfer_only_premium: int = 159_672
    send_invoke_method: int = -5_377
    ipld_get: int = 75_242
    ipld_put: int = 84_070
    ipld_put_per_byte: int = 1
    create_actor_compute: int = 1_108_454
    create_actor_storage: int = 36 + 40
    verify_bls: int = 16_598_605
    verify_secp256k1: int = 1_637_292
    hashing: int = 31_355
    unsealed_sector_cid: int = 98_647
    verify_post_small: tuple[int, int] = (123_861_062, 9_226_981)
    verify_post_large: tuple[int, int] = (748_593_537, 85_639)
    """Flat and for each sector, of window proofs; halved when charged. Large are those of 32 and 64 GiB."""
    consensus_fault: int = 495_422

    def on_chain_message(self, size: int) -> int:
        """Holding a message of this size on chain."""
        return self.message_compute + self._storage(self.message_storage + size * self.message_storage_per_byte)

    def on_return_value(self, size: int) -> int:
        """Holding a return value on chain."""
        return self._storage(size * self.return_value_per_byte)

    def on_invocation(self, value: int, method: int) -> int:
        """Sending a message, from outside or from an actor; a plain transfer costs a premium, a call a little less."""
        price = self.send_base
        if value:
            price += self.send_transfer_funds
            if method == 0:
                price += self.send_transfer_only_premium
        if method:
            price += self.send_invoke_method
        return price

    def on_put(self, size: int) -> int:
        """Writing a block from an actor."""
        return self.ipld_put + self._storage(size * self.ipld_put_per_byte)

    def on_create_actor(self) -> int:
        """Making a new actor's entry."""
        return self.create_actor_compute + self._storage(self.create_actor_storage)

    def on_delete_actor(self) -> int:
        """Removing an actor gives back what its entry cost."""
        return -self._storage(self.create_actor_storage)

    def on_verify_post(self, post_proof: int, sectors: int) -> int:
        """Checking a window proof over so many sectors."""
        flat, each = self.verify_post_large if post_proof in _LARGE_WINDOW_PROOFS else self.verify_post_small
        return (flat + sectors * each) // 2

    def _storage(self, amount: int) -> int:
        return amount * self.storage_multiplier


PRICES_V0 = PriceList()
"""In force from genesis to upgrade Calico."""


class GasMeter:
    """Gas of one message, shared by every call within it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def charge(self, amount: int) -> None:
        """Use gas; refunds are negative. Beyond the limit everything is used and the call aborts."""
        if self.used + amount > self.limit:
            used, self.used = self.used, self.limit
            raise ActorAbort(ExitCode.SYS_OUT_OF_GAS, f"{used} of {self.limit} gas was used, {amount} more is needed")
        self.used += amount
