"""Which test holds which behaviour of the seed node, or why none does (reference: seed-node, section 7).

Listed are behaviours 1-116, 152, 154-156 and 159-203.
A test says which it holds with ``@pytest.mark.behaviour(28, 43)``. What is marked nowhere stands here with its reason.
"""

NUMBERS = (*range(1, 117), 152, *range(154, 157), *range(159, 204))

ELSEWHERE = {
    9: "tests/runtime/test_config.py: an option out of bounds fails with its own error (ConfigError, ValueError)",
    10: "tests/actors/test_config.py: every option of NodeConfig reaches the settings",
    22: "settings are read at the start of a node and of each subsystem: tests/actors/test_config.py",
    27: "there is no miner creation before sealing (part 3); the miner of a node is a setting, written atomically",
    46: "tests/actors/test_nodes.py: known tipsets stop a sync; unlinked blocks wait as orphans and are bounded",
    54: "tests/actors/test_demo.py and runtime/actor: events reach all subscribers in the order of publishing",
    64: "tests/runtime/bases: one mailbox per actor; 400 concurrent asks are 400 messages in order",
    72: "tests/actors/test_rpc.py: waiting ends in an error, not a hang",
    74: "runtime/actor/asks.py: every ask has a deadline; tests/runtime/actor/test_subsystem.py",
    80: "there is one pool, not an outbound queue beside it; nonce sequence, gaps, removal: tests/actors/test_pool.py",
    81: "as 80: what a head does to the pool is tested in tests/actors/test_nodes.py",
    85: "tests/actors/test_nodes.py: mining follows the head",
    87: "tests/actors/chain/test_writer.py: null rounds are tried one epoch after the other",
    88: "tests/actors/test_nodes.py: the base is chosen late in the epoch before (mine delay)",
    89: "tests/actors/test_nodes.py: stopping ends mining; a killed scheduler leaves nothing behind",
    90: "tests/actors/test_nodes.py: a failed round surfaces in ReadMining.last_error",
    92: "tests/actors/chain/test_writer.py: weight and height over tipsets of several blocks",
    95: "a block is written whole in the slash filter or not at all: tests/actors/test_slash_filter.py",
    100: "tests/protocols/consensus: header validation over its context",
    101: "tests/protocols/consensus: win counts (Poisson) by the network's vectors",
    102: "tests/protocols/consensus: tickets order tipsets by their hashes",
    104: "a message twice in a tipset applies once, by ticket order: tests/conformance (deduplication vectors)",
    107: "tests/conformance and tests/protocols/vm: a failing message keeps nonce and gas and nothing else",
    108: "tests/protocols/builtin/test_economy.py (117) and tests/conformance",
    110: "tests/conformance: nested sends",
    111: "tests/conformance: actor_creation, on_transfer",
    113: "tests/conformance: gas of every vector is exact",
    114: "tests/actors/chain/test_writer.py and tests/actors/test_pool.py: block gas limit",
    169: "tests/protocols/crypto",
    171: "tests/protocols/encoding/test_address.py",
    172: "tests/protocols/encoding/test_numbers.py",
    173: "tests/protocols/consensus: Q.256 integers instead of fixed point",
    174: "tests/protocols/chain",
    175: "tests/protocols/chain/test_chain.py: tipset keys",
    176: "tests/protocols/chain",
    177: "tests/runtime/test_config.py",
    178: "tests/runtime/test_config.py",
    179: "tests/runtime/test_repo.py",
    180: "tests/runtime/test_repo.py",
    181: "tests/runtime/test_repo.py",
    182: "tests/runtime/test_repo.py and tests/deploy/test_cli.py",
}

NOT_APPLICABLE = {
    11: "peer keys are Ed25519, which has one size; RSA keys of any size are not made",
    32: "chains are fetched from head CIDs by chain exchange: tests/actors/test_nodes.py (late node)",
    71: "held by StateSearchMsg and StateWaitMsg: tests/actors/test_rpc.py",
    73: "two messages of one nonce cannot both be in a tipset's receipts today: the second applies with an exit code",
    76: "methods have numbers and no signatures on chain today",
    77: "`mpool ls --wait-for-count` polls with a bound: deploy/cli/wallet.py",
    79: "today's network has no expiry of messages; they end by nonce, replacement or a full pool",
    91: "a block may hold what fails; what could not be applied at all is never selected: tests/actors/test_pool.py",
    93: "as 91",
    189: "peer ids of miners are looked up with StateMinerInfo; changing one needs `send --method 4`",
    194: "`send` takes a method and parameters; gas above the block limit is refused by the pool (test_nodes, 82)",
    195: "miner creation, asks and prices come with sealing and markets (part 3)",
    196: "`mining once` works (15, 84); the reward is today's, and vests",
    198: "payment channels come with the builtin actors (part 4)",
}
