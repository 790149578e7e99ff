"""Signatures as Filecoin uses them, on audited libraries: libsecp256k1 and blst."""
