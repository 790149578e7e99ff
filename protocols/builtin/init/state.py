"""The state of the init actor, which gives out actor ids: enough of it to resolve and to register addresses."""

from __future__ import annotations

from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import StateRecord, Unsigned, record
from thespis.protocols.errors import NodeError
from thespis.protocols.ipld.blockstore import Blockstore
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.ipld.historic import HistoricMap


@record
class InitState(StateRecord):
    """The map from addresses to ids, the next id, and the network's name."""

    address_map: Cid
    next_id: Unsigned
    network_name: str

    def resolve(self, store: Blockstore, address: Address) -> Address | None:
        """The id address of an address, or None when it has none."""
        return address if address.protocol is AddressProtocol.ID else id_of(self.addresses(store), address)

    def addresses(self, store: Blockstore) -> Hamt:
        """The map from addresses to ids, for who looks up many."""
        return Hamt(store, self.address_map, version=HamtVersion.V0)

    def register(self, store: Blockstore, address: Address) -> tuple[InitState, Address]:
        """Give an address the next id."""
        addresses = HistoricMap(store, self.address_map)
        addresses.set(address.data, int(self.next_id))
        state = InitState(addresses.flush(), Unsigned(self.next_id + 1), self.network_name)
        return state, Address.id(self.next_id)


def id_of(addresses: Hamt, address: Address) -> Address | None:
    """The id address that the init actor's map has for an address, or None."""
    number = addresses.get(address.data)
    if number is None:
        return None
    if type(number) is not int:
        raise NodeError(f"the init actor maps {address} to something other than an id")
    return Address.id(number)
