"""Version 2 of the builtin actors, of network versions 4 and 5, where it is not version 0 (specs-actors v2.3.6)."""
