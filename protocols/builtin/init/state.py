"""The state of the init actor, which gives out actor ids: enough of it to resolve and to register addresses."""

from __future__ import annotations

from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record, Unsigned, record
from thespis.protocols.errors import NodeError
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricMap


@record
class InitState(Record):
    """The map from addresses to ids, the next id, and the network's name."""

    address_map: Cid
    next_id: Unsigned
    network_name: str

    def resolve(self, store: Blockstore, address: Address) -> Address | None:
        """The id address of an address, or None when it has none."""
        if address.protocol is AddressProtocol.ID:
            return address
        number = _addresses(store, self.address_map).get(address.data)
        if number is None:
            return None
        if type(number) is not int:
            raise NodeError(f"the init actor maps {address} to something other than an id")
        return Address.id(number)

    def register(self, store: Blockstore, address: Address) -> tuple[InitState, Address]:
        """Give an address the next id."""
        addresses = HistoricMap(store, self.address_map)
        addresses.set(address.data, int(self.next_id))
        state = InitState(addresses.flush(), Unsigned(self.next_id + 1), self.network_name)
        return state, Address.id(self.next_id)


def _addresses(store: Blockstore, root: Cid) -> Hamt:
    return Hamt(store, root, version=HamtVersion.V0)
