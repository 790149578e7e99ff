"""IPLD on top of blocks: block stores, HAMT maps and AMT arrays."""
