"""The builtin actors that this node can run, by actors version, name and method number."""

from __future__ import annotations

from protocols.builtin import account, cron, init, market, multisig, paych, power, reward, system, verifreg
from protocols.builtin.methods import Methods
from protocols.builtin.storage_miner import methods as storage_miner

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
        "multisig": multisig.METHODS_V0,
        "paymentchannel": paych.METHODS_V0,
        "verifiedregistry": verifreg.METHODS,
    },
    2: {
        "system": system.METHODS,
        "account": account.METHODS,
        "init": init.METHODS,
        "cron": cron.METHODS,
        "multisig": multisig.METHODS_V2,
        "paymentchannel": paych.METHODS_V2,
        "verifiedregistry": verifreg.METHODS,
    },
}
