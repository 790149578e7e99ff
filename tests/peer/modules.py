"""Which modules of Thespian's own suite run here, and why each other one does not."""

INCLUDED = [
    "test_actorAdder",
    "test_actorAddressPassing",
    "test_actorFailures",
    "test_actorSignals",
    "test_actorSysAPI",
    "test_actorSystemRestart",
    "test_actors",
    "test_badStartupMessage",
    "test_badmessage",
    "test_bigmessages",
    "test_commonCapabilities",
    "test_createActor",
    "test_deadLettering",
    "test_generators",
    "test_globalName",
    "test_initmsgs",
    "test_load",
    "test_msg_ChildExited",
    "test_msg_DeadEnvelope",
    "test_msg_ExitRequest",
    "test_msg_Poison",
    "test_msg_Wakeup",
    "test_poisonMessage",
    "test_requireCapability",
    "test_runcommand",
    "test_simpleActor",
    "test_stats",
    "test_systemMessages",
    "test_threadedActor",
    "test_threadedExternal",
    "test_transient",
    "test_troupe",
    "test_typeDispatcher",
    "test_wakeup",
    "test_withpossibleargs",
]

EXCLUDED = {
    "test_HAConvention": "conventions: several actor systems on several hosts",
    "test_director": "the director loads and replaces source code at run time",
    "test_ipbase": "Internet addresses of the stock transports",
    "test_manyActorSystems": "conventions of five actor systems",
    "test_msg_ConventionUpdate": "conventions",
    "test_msg_ValidateSource": "source loading",
    "test_msg_ValidatedSource": "source loading",
    "test_multipleActorSystems": "conventions of two actor systems",
    "test_preRegistration": "conventions: registering remote systems in advance",
    "test_sourceLoading": "source loading",
    "test_timing": "helpers of the stock transports' timers, which we do not use",
    "test_updateSystemCapabilities": "every test but one creates actors in a second system of a convention",
}

NOT_IN_SIMULATION = {
    "test_actorSignals": "signals go to processes; simulated actors have none",
    "test_runcommand": "runs real commands and watches their descriptors",
    "test_threadedActor": "threads inside an actor; the simulation has one thread",
    "test_threadedExternal": "threads outside; the simulation has one thread",
}

EXCLUDED_TESTS = {
    "test_actorAdder.test07_LotsOfActorsEveryTenWithBackground": (
        "275 processes cannot be spawned within the test's 20 s on two cores; the stock base forks"
    ),
    "test_actorSystemRestart.testConnectToExistingActorSystem": "two systems are isolated from each other here",
    "test_actorSystemRestart.testConnectToStoppingActorSystem": "two systems are isolated from each other here",
    "test_actorFailures.test_confused_exit": (
        "races the end of a process against one message round trip; "
        "tests/runtime/bases/test_process.py holds the behaviour without the race"
    ),
    "test_troupe.testLoadableHive": "source loading",
    "test_troupe.testLoadableColony": "source loading",
}

LONG_TESTS = {
    "test_actors.test06_ManyActorsValidAddresses",
    "test_actors.test05_ManyActorsUniqueAddress",
    "test_actorAdder.test03_LotsOfActorsEvery",
    "test_actorAdder.test04_LotsOfActorsEveryTen",
    "test_createActor.test10_verify_multiple_sub_actor_creates",
    "test_createActor.test11_created_lots_by_other_actor",
    "test_threadedExternal.test_multiple_threads_private_context_ask",
    "test_threadedExternal.test_multiple_threads_private_contexts",
    "test_troupe.testSmallHive_AdjMsg",
    "test_troupe.testSmallHive_AdjStr",
}
"""Half of the suite's time; they run with THESPIS_PEER_ALL=1, and before every release."""
