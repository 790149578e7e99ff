"""Every method, by its full name: a module for each of Lotus' groups, which puts its own into the table when imported.

A module that is not imported here has no methods, whatever stands in it.
"""

from thespis.actors.api import (
    auth,
    chain,
    deals,
    gas,
    log,
    market,
    miner,
    mining,
    mpool,
    net,
    node,
    search,
    sectors,
    state,
    sync,
    wallet,
)
from thespis.actors.api.registry import METHODS

__all__ = ["METHODS"]
