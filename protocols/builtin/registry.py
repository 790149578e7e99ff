"""The builtin actors that this node can run, by actors version, name and method number."""

from __future__ import annotations

from protocols.builtin import account, cron, init, market, miner, multisig, paych, power, reward, system, verifreg
from protocols.builtin.methods import Methods

ACTORS: dict[int, dict[str, Methods]] = {
    0: {
        "system": system.METHODS,
        "account": account.METHODS,
        "init": init.METHODS,
        "cron": cron.METHODS,
        "reward": reward.METHODS,
        "storagepower": power.METHODS,
        "storagemarket": market.METHODS,
        "storageminer": miner.METHODS,
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
TO_COME: dict[str, frozenset[int]] = {
    "storagepower": frozenset({1, 2, 7, 8}),
    "storagemarket": market.METHODS_TO_COME,
    "storageminer": miner.SECTOR_METHODS,
}
"""Methods that the real actors have and ours do not yet."""
