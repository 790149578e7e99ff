"""Who a miner is for its sectors, by the chain."""

import pytest
from thespis.actors.sector_builder.identity import identity_of
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ChainError

from tests.actors.chain.builder import new_chain


def test_a_miner_of_genesis():
    found = identity_of(new_chain(), Address.id(1000))
    assert (found.miner, found.last_sector) == (1000, 0)


@pytest.mark.parametrize("address", [Address.id(1777), Address.actor(b"to be made")])
def test_a_miner_that_is_not_on_the_chain_yet_is_waited_for(address):
    """Whoever asks the SectorBuilder tries again for exactly this class of error, which crosses by its name."""
    with pytest.raises(ChainError) as raised:
        identity_of(new_chain(), address)
    assert type(raised.value) is ChainError
