"""The builtin actors that this node can run, by actors version, name and method number."""

from __future__ import annotations

from thespis.protocols.builtin import account, cron, system, verifreg
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.builtin.init import methods as init
from thespis.protocols.builtin.market import methods as market
from thespis.protocols.builtin.market.v2 import methods as market_v2
from thespis.protocols.builtin.methods import Method, Methods
from thespis.protocols.builtin.multisig import methods as multisig
from thespis.protocols.builtin.multisig.v2 import methods as multisig_v2
from thespis.protocols.builtin.paych import methods as paych
from thespis.protocols.builtin.paych.v2 import methods as paych_v2
from thespis.protocols.builtin.power import methods as power
from thespis.protocols.builtin.power.v2 import methods as power_v2
from thespis.protocols.builtin.reward import methods as reward
from thespis.protocols.builtin.reward.v2 import methods as reward_v2
from thespis.protocols.builtin.storage_miner import methods as storage_miner
from thespis.protocols.builtin.storage_miner.v2 import methods as storage_miner_v2
from thespis.protocols.encoding.cid import Cid

ACTORS: dict[int, dict[str, Methods]] = {
    0: {
        "system": system.METHODS,
        "account": account.METHODS,
        "init": init.METHODS,
        "cron": cron.METHODS,
        "reward": reward.METHODS,
        "storagepower": power.METHODS,
        "storagemarket": market.METHODS,
        "storageminer": storage_miner.METHODS,
        "multisig": multisig.METHODS,
        "paymentchannel": paych.METHODS,
        "verifiedregistry": verifreg.METHODS,
    },
    2: {
        "system": system.METHODS,
        "account": account.METHODS,
        "init": init.METHODS,
        "cron": cron.METHODS,
        "reward": reward_v2.METHODS,
        "storagepower": power_v2.METHODS,
        "storagemarket": market_v2.METHODS,
        "storageminer": storage_miner_v2.METHODS,
        "multisig": multisig_v2.METHODS,
        "paymentchannel": paych_v2.METHODS,
        "verifiedregistry": verifreg.METHODS,
    },
}
_BY_CODE = {code_of(name, version): methods for version, actors in ACTORS.items() for name, methods in actors.items()}


def method_of(code: Cid, number: int) -> Method | None:
    """A method of the actors with this code; None where there is none of this number, or the code is not builtin."""
    return _BY_CODE.get(code, {}).get(number)
