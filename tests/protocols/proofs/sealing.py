"""A sector sealed in memory, for tests."""

import numpy as np

from protocols.proofs.nodes import hash_columns
from protocols.proofs.porep import comm_r, encode, fill_labels
from protocols.proofs.trees import ReplicaTree, binary_levels, fill_data_rows, fill_rows, row_lengths
from protocols.proofs.vanilla import SealedSector


def empty(count):
    return np.zeros((count, 4), np.uint64)


def data_rows(data):
    rows = [data, *map(empty, row_lengths(len(data), binary_levels(len(data))))]
    fill_data_rows(data, rows[1:])
    return rows


def seal(replication, data):
    """The sector, and CommR."""
    shape = replication.proof.shape
    table = replication.graph.table()
    layers, below = [], empty(0)
    for layer in range(1, shape.layers + 1):
        labels = empty(shape.nodes)
        fill_labels(replication.replica_id, layer, table, labels, below if layer > 1 else labels)
        layers.append(labels)
        below = labels
    columns = [empty(shape.nodes), *map(empty, row_lengths(shape.nodes, shape.levels))]
    hash_columns(layers, columns[0], threads=2)
    comm_c = fill_rows(columns[0], columns[1:], shape.levels)
    replica = empty(shape.nodes)
    encode(data, layers[-1], replica)
    rows = [empty(length) for length in row_lengths(shape.nodes, shape.levels)]
    comm_r_last = fill_rows(replica, rows, shape.levels, threads=2)
    tree = ReplicaTree(replica, rows[shape.rows_discarded :], shape.levels, shape.rows_discarded)
    return SealedSector(replication, data_rows(data), layers, columns, tree), comm_r(comm_c, comm_r_last)
