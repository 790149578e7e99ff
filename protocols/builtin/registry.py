"""The builtin actors that this node can run, by actors version, name and method number."""

from __future__ import annotations

from thespis.protocols.builtin import account, cron, init, market, multisig, paych, power, reward, system, verifreg
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.builtin.methods import Method, Methods
from thespis.protocols.builtin.storage_miner import methods as storage_miner
from thespis.protocols.builtin.version_2 import miner as miner_2
from thespis.protocols.builtin.version_2 import power as power_2
from thespis.protocols.builtin.version_2 import reward as reward_2
from thespis.protocols.encoding.cid import Cid

ACTORS: dict[int, dict[str, Methods]] = {
    0: {
        "system": system.METHODS,
        "account": account.METHODS,
        "init": init.METHODS,
        "cron": cron.METHODS,
        "reward": reward.METHODS,
        "storagepower": power.METHODS,
        "storagemarket": market.METHODS_V0,
        "storageminer": storage_miner.METHODS,
        "multisig": multisig.METHODS_V0,
        "paymentchannel": paych.METHODS_V0,
        "verifiedregistry": verifreg.METHODS,
    },
    2: {
        "system": system.METHODS,
        "account": account.METHODS,
        "init": init.METHODS,
        "cron": cron.METHODS,
        "reward": reward_2.METHODS,
        "storagepower": power_2.METHODS,
        "storagemarket": market.METHODS_V2,
        "storageminer": miner_2.METHODS,
        "multisig": multisig.METHODS_V2,
        "paymentchannel": paych.METHODS_V2,
        "verifiedregistry": verifreg.METHODS,
    },
}
_BY_CODE = {code_of(name, version): methods for version, actors in ACTORS.items() for name, methods in actors.items()}


def method_of(code: Cid, number: int) -> Method | None:
    """A method of the actors with this code; None where there is none of this number, or the code is not builtin."""
    return _BY_CODE.get(code, {}).get(number)
