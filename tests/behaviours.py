"""Which test holds which behaviour of the seed node, or why none does (reference: seed-node, section 7).

Listed are behaviours 1-116, 152, 154-156 and 159-203.
A test says which it holds with ``@pytest.mark.behaviour(28, 43)``. What is marked nowhere stands here: with the tests
that hold it, with those that hold a part of it and what no test sees, or with the reason why it does not apply.
"""

NUMBERS = (*range(1, 117), 152, *range(154, 157), *range(159, 204))


ELSEWHERE = {
    9: (
        "an option out of bounds fails with an error that names it: "
        "tests/runtime/test_config.py::test_what_is_wrong_is_named, "
        "tests/actors/node/test_config.py::test_a_delay_out_of_bounds_is_refused"
    ),
    10: "tests/actors/node/test_config.py::test_every_option_reaches_the_settings",
    46: (
        "headers are fetched down to the first known tipset and no further, a chain that does not meet ours above "
        "finality is bad, blocks without parents wait in a bounded number: "
        "tests/actors/syncer/test_actor.py::test_requests_for_headers_double_up_to_their_bound, "
        "tests/actors/syncer/test_actor.py::test_a_chain_that_leaves_ours_below_finality_is_not_followed, "
        "tests/actors/syncer/test_targets.py::test_beyond_the_bound_the_oldest_orphans_go"
    ),
    74: (
        "every ask has a deadline, and waiting ends with it: tests/runtime/actor/test_subsystem.py::test_how_asks_end"
    ),
    80: (
        "there is one pool, and no outbound queue beside it: "
        "tests/actors/msg_pool/test_pool.py::test_add_get_remove_and_once_each, "
        "tests/actors/msg_pool/test_pool.py::test_the_next_nonce_follows_on_and_fills_gaps, "
        "tests/actors/msg_pool/test_pool.py::test_dropping_what_can_no_longer_be_sent"
    ),
    81: (
        "what a head does to the pool: tests/actors/test_nodes.py::test_a_message_reaches_all_pools_and_a_block, "
        "tests/actors/msg_pool/test_actor.py::test_a_reorganisation_brings_every_message_back"
    ),
    85: "tests/actors/test_nodes.py::test_mine_once_returns_a_block_of_this_miner",
    89: "tests/actors/test_nodes.py::test_mining_starts_stops_and_starts",
    90: "tests/actors/test_nodes.py::test_a_failing_round_is_told_and_ends_with_its_epoch",
    92: "tests/actors/chain/test_writer.py::test_weights_follow_power_and_wins, over tipsets of several blocks",
    95: (
        "a batch is written whole or not at all, and what was signed is given out again: "
        "tests/runtime/store/test_stores.py::test_a_full_disk_applies_nothing, "
        "tests/actors/mining_scheduler/test_slash_filter.py::test_what_was_signed_survives_a_crash_and_is_given_out_again"
    ),
    100: (
        "tests/protocols/consensus/test_mainnet_headers.py::test_every_header_is_valid, "
        "tests/protocols/consensus/test_mainnet_headers.py::test_every_changed_field_is_named"
    ),
    101: (
        "wins are drawn, not compared: tests/protocols/consensus/test_consensus.py::test_lambda_vectors, "
        "tests/protocols/consensus/test_consensus.py::test_poisson_vectors"
    ),
    102: (
        "tests/protocols/chain/test_chain.py::test_tipsets_sort_by_ticket_and_check_their_blocks, "
        "tests/protocols/chain/test_chain.py::test_ties_go_to_the_first_smaller_ticket"
    ),
    104: (
        "a message twice in a tipset applies once, by ticket order (deduplication vectors): "
        "tests/conformance/test_messages.py::test_tipsets"
    ),
    107: (
        "tests/protocols/vm/test_machine.py::test_what_fails_while_running_keeps_nonce_and_gas_only, "
        "tests/conformance/test_messages.py::test_messages"
    ),
    108: (
        "tests/protocols/builtin/test_economy.py::test_missing_or_odd_parameters_are_an_exit_code, "
        "tests/protocols/vm/test_hostile_params.py::test_no_parameters_break_the_machine"
    ),
    110: "nested sends: tests/conformance/test_messages.py::test_messages",
    111: "actor_creation and transfer: tests/conformance/test_messages.py::test_messages",
    113: "the gas of every vector is exact: tests/conformance/test_messages.py::test_messages",
    114: (
        "one message above the limit, a block's sum, and what the pool puts into a block: "
        "tests/protocols/chain/test_chain.py::test_rules_of_inclusion, "
        "tests/actors/chain/test_writer.py::test_the_gas_limits_of_a_blocks_messages_sum_to_at_most_the_blocks_limit, "
        "tests/protocols/consensus/test_selection.py::test_selection_is_within_a_message_chain_of_the_best"
    ),
    169: (
        "tests/protocols/crypto/test_signatures.py::test_sign_and_check, "
        "tests/protocols/crypto/test_signatures.py::test_every_flipped_bit_is_noticed, "
        "tests/protocols/consensus/test_blocks.py::test_secp256k1_messages_of_a_block"
    ),
    171: (
        "tests/protocols/encoding/test_address.py::test_valid_vectors, "
        "tests/protocols/encoding/test_address.py::test_invalid_vectors"
    ),
    172: (
        "tests/protocols/encoding/test_numbers.py::test_amount_round_trip, "
        "tests/protocols/encoding/test_numbers.py::test_bad_amounts"
    ),
    173: ("integers of Q.256 instead of fixed point: tests/protocols/consensus/test_consensus.py::test_expneg_vectors"),
    174: (
        "tests/protocols/chain/test_chain.py::test_header_vectors, "
        "tests/protocols/chain/test_chain.py::test_mutated_headers, "
        "tests/protocols/chain/test_chain.py::test_tipsets_sort_by_ticket_and_check_their_blocks"
    ),
    175: (
        "tipset keys: tests/protocols/chain/test_chain.py::test_tipsets_sort_by_ticket_and_check_their_blocks, "
        "tests/protocols/chain/test_chain.py::test_a_tipset_has_a_bounded_number_of_blocks"
    ),
    176: (
        "tests/protocols/chain/test_chain.py::test_message_vectors, "
        "tests/protocols/chain/test_chain.py::test_cid_vectors, "
        "tests/protocols/crypto/test_signatures.py::test_secp256k1_vectors"
    ),
    177: (
        "tests/runtime/test_config.py::test_default_file_says_the_defaults_and_why, "
        "tests/runtime/test_config.py::test_missing_parts_mean_defaults; an unknown key is an error, not a "
        "default"
    ),
    178: (
        "tests/runtime/test_config.py::test_get, "
        "tests/runtime/test_config.py::test_set_keeps_neighbours_and_comments, "
        "tests/runtime/test_config.py::test_bad_set_changes_nothing"
    ),
    179: (
        "tests/runtime/test_repo.py::test_init_in_new_nested_folder_and_in_an_empty_one, "
        "tests/runtime/test_repo.py::test_open_names_what_is_wrong; there are no snapshots of the configuration"
    ),
    180: (
        "tests/runtime/test_repo.py::test_lock_names_its_holder_and_is_given_free, "
        "tests/runtime/test_repo.py::test_lock_of_a_killed_process_is_free"
    ),
    181: "tests/runtime/test_repo.py::test_api_file",
    182: (
        "tests/runtime/test_repo.py::test_init_in_new_nested_folder_and_in_an_empty_one, "
        "tests/runtime/test_repo.py::test_second_init_is_refused_and_changes_nothing, "
        "tests/runtime/test_repo.py::test_read_only_parent"
    ),
}

IN_PART = {
    22: (
        "settings are read when a node starts: tests/actors/node/test_config.py::test_a_homes_files_become_settings; "
        "no test changes one between two starts"
    ),
    54: (
        "an event is routed to its subscriber, and each pair of processes keeps its order: "
        "tests/runtime/actor/test_subsystem.py::test_events_are_routed_and_tells_arrive, "
        "tests/runtime/bases/test_process.py::test_one_way_order_past_every_window; no test has two subscribers "
        "to one event"
    ),
    64: (
        "sixty sends at once, and a mailbox that is full: "
        "tests/actors/test_nodes.py::test_sixty_sends_at_once_have_sixty_nonces, "
        "tests/runtime/bases/test_process.py::test_a_full_mailbox_pushes_back_and_nothing_is_lost; no test adds "
        "400 at once"
    ),
    72: (
        "a block that is missing is named where it is read: "
        "tests/actors/chain/test_writer.py::test_what_is_missing_is_named; no test waits for a message over a "
        "hole"
    ),
    87: (
        "an epoch without a win is followed by the next epoch's round: "
        "tests/actors/mining_scheduler/test_actor.py::test_mining_once_tries_a_bounded_number_of_epochs; no test "
        "counts null rounds, for nothing does"
    ),
    88: (
        "a base is chosen late in the epoch before, so that a calm network has one chain: "
        "tests/actors/test_simulation.py::test_a_calm_network_has_one_chain_and_no_null_rounds_to_speak_of; no "
        "test brings a head within the delay"
    ),
}

NOT_APPLICABLE = {
    11: "peer keys are Ed25519, which has one size; RSA keys of any size are not made",
    27: "there is no miner creation before sealing; the miner of a node is a setting, written atomically",
    32: (
        "chains are fetched from head CIDs by chain exchange: "
        "tests/actors/test_nodes.py::test_blocks_reach_every_node_and_a_late_one_catches_up"
    ),
    71: (
        "held by StateSearchMsg and StateWaitMsg: "
        "tests/actors/api/test_rpc.py::test_a_message_is_found_with_its_receipt"
    ),
    73: ("two messages of one nonce cannot both be in a tipset's receipts today: the second applies with an exit code"),
    76: "methods have numbers and no signatures on chain today",
    77: "`mpool ls --wait-for-count` polls with a bound: deploy/cli/wallet.py",
    79: "today's network has no expiry of messages; they end by nonce, replacement or a full pool",
    91: (
        "a block may hold what fails; what could not be applied at all is never selected: "
        "tests/protocols/consensus/test_selection.py::test_what_cannot_pay_the_base_fee_or_its_value_is_left"
    ),
    93: "as 91",
    189: "peer ids of miners are looked up with StateMinerInfo; changing one needs `send --method 4`",
    194: (
        "`send` takes a method and parameters; gas above the block limit is refused by the pool: "
        "tests/actors/test_nodes.py::test_messages_that_cannot_be_mined_are_refused"
    ),
    195: "miner creation, asks and prices come with markets",
    196: "`mining once` works (15, 84); the reward is today's, and vests",
    198: (
        "the rules of payment channels are there: "
        "tests/protocols/builtin/test_paych.py::test_a_voucher_is_redeemed_by_the_payee_once; no commands"
    ),
}
