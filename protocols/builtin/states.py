"""The state record of every builtin actor, by version and name."""

from __future__ import annotations

from thespis.protocols.builtin.account import AccountState
from thespis.protocols.builtin.codes import code_of
from thespis.protocols.builtin.cron import CronState
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.builtin.market.state import MarketState
from thespis.protocols.builtin.multisig.state import MultisigState
from thespis.protocols.builtin.paych.methods import PaychState
from thespis.protocols.builtin.power.state import PowerState
from thespis.protocols.builtin.power.v2.state import PowerStateV2
from thespis.protocols.builtin.reward.state import RewardState
from thespis.protocols.builtin.reward.v2.state import RewardStateV2
from thespis.protocols.builtin.storage_miner.state import MinerState
from thespis.protocols.builtin.storage_miner.v2.state import MinerStateV2
from thespis.protocols.builtin.system import SystemState
from thespis.protocols.builtin.verifreg import VerifregState
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import Record
from thespis.protocols.errors import ChainError

_ALIKE: dict[str, type[Record]] = {
    "account": AccountState,
    "cron": CronState,
    "init": InitState,
    "multisig": MultisigState,
    "paymentchannel": PaychState,
    "storagemarket": MarketState,
    "system": SystemState,
    "verifiedregistry": VerifregState,
}
STATES: dict[int, dict[str, type[Record]]] = {
    0: _ALIKE | {"reward": RewardState, "storageminer": MinerState, "storagepower": PowerState},
    2: _ALIKE | {"reward": RewardStateV2, "storageminer": MinerStateV2, "storagepower": PowerStateV2},
}
_BY_CODE = {code_of(name, version): kind for version, kinds in STATES.items() for name, kind in kinds.items()}


def state_of(code: Cid, data: bytes) -> Record:
    """The decoded state of an actor with this code; raises ChainError for code that is not builtin."""
    kind = _BY_CODE.get(code)
    if kind is None:
        raise ChainError(f"code {code} is no builtin actor that this node knows")
    return kind.decode(data)
