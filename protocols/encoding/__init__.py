"""Byte-exact encodings: varints, CIDs, addresses, strict DAG-CBOR, integers, bitfields, CAR files."""
