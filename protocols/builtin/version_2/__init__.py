"""Version 2 of the builtin actors, of network versions 4 and 5, where they differ from version 0 (specs-actors v2.3.6).

Of miner, power and market only what pays blocks and ends epochs is here; their other methods raise
ActorNotImplementedError by name.
"""
