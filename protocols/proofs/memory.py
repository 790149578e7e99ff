"""Sealing in memory: what small sectors need, such as those that a local network's genesis starts with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from thespis.protocols.proofs.nodes import WORDS, Nodes, hash_columns
from thespis.protocols.proofs.porep import Replication, comm_r, encode, fill_labels
from thespis.protocols.proofs.trees import ReplicaTree, binary_levels, fill_data_rows, fill_rows, row_lengths
from thespis.protocols.proofs.vanilla import SealedSector


def _rows(lengths: Sequence[int]) -> list[Nodes]:
    return [np.zeros((length, WORDS), np.uint64) for length in lengths]


def data_rows(data: Nodes) -> list[Nodes]:
    """A sector's data and the rows of the tree over it."""
    rows = _rows(row_lengths(len(data), binary_levels(len(data))))
    fill_data_rows(data, rows)
    return [data, *rows]


def seal_in_memory(replication: Replication, data: Nodes) -> tuple[SealedSector, bytes]:
    """Seal nodes; returns the sector, and CommR. It takes about eight times the sector's size."""
    shape, table = replication.proof.shape, replication.graph.table()
    layers = _rows([shape.nodes] * shape.layers)
    for number, labels in enumerate(layers, 1):
        fill_labels(replication.replica_id, number, table, labels, layers[max(0, number - 2)])
    columns = _rows([shape.nodes, *row_lengths(shape.nodes, shape.levels)])
    hash_columns(layers, columns[0])
    comm_c = fill_rows(columns[0], columns[1:], shape.levels)
    [replica] = _rows([shape.nodes])
    encode(data, layers[-1], replica)
    rows = _rows(row_lengths(shape.nodes, shape.levels))
    comm_r_last = fill_rows(replica, rows, shape.levels)
    tree = ReplicaTree(replica, rows[shape.rows_discarded :], shape.levels, shape.rows_discarded)
    return SealedSector(replication, data_rows(data), layers, columns, tree), comm_r(comm_c, comm_r_last)
