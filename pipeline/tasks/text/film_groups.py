"""Infer which reviews are of the same film, if the file does not say: from rare names and the order of the rows.

A model that has seen some reviews of a film knows its names and whether it was liked, so a film must not be in two
splits: carving by rows gives scores about 1.7 points too high. In the IMDB file the rows are sorted by label,
the reviews of a film are adjacent within a label, and there are at most 30 of them (Maas et al., Learning Word
Vectors for Sentiment Analysis, 2011). For example, negative rows on the left and positive ones on the right:

    0  Rachel York as Lucille ...     run 0        7  lovely, like Lucille and Desi ...     run 2
    1  poor Lucille, poor Desi ...    run 0        8  Rachel York was born for Lucille      run 2
    2  Zombies, by Sykes ...          run 1        runs 0 and 2 share their rare names: one film

The result depends on all rows at once: it is stable only for an unchanged file, not when rows are appended.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array, diags_array, triu

NAME = re.compile(r"(?<![.!?:\"'(*-] )(?<!^)\b[A-Z][a-z]{2,}")  # capitalised, but not at the beginning of a sentence
COMMON = 200  # texts: a name in more is not rare
MENTIONED = 0.3  # probability that a review mentions a given name of its film
DOUBT = 0.3  # nats against each pair of neighbours being of one film, to be outweighed by the names they share
LONGEST = 30  # reviews of a film
ALIKE = 0.2  # cosine of two runs' names above which they count as one film
LARGEST = 60  # rows of a group: joining stops there, so that wrong links cannot chain films together
RARE = 40  # texts that hold a name at most
MANY = 3  # shared names that the audit requires, each of them rare

Rows = np.ndarray  # of whole numbers


def names(texts: Sequence[str]) -> csr_array:
    """A row of ones for each text, a column for each name that 2 to COMMON of the texts mention."""
    mentioned = [set(NAME.findall(text)) for text in texts]
    counts = Counter(chain.from_iterable(mentioned))
    column = {name: i for i, name in enumerate(sorted(n for n, count in counts.items() if 2 <= count <= COMMON))}
    columns = [sorted(column[name] for name in row if name in column) for row in mentioned]
    offsets = np.cumsum([0, *map(len, columns)])
    flat = np.fromiter(chain.from_iterable(columns), np.int64, offsets[-1])
    return csr_array((np.ones(len(flat)), flat, offsets), shape=(len(texts), len(column)))


def films(mentions: csr_array, labels: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """The number of each row's film; `mentions` are the rows' names, in the file's order."""
    weights = evidence(mentions)
    weighted = mentions.multiply(np.sqrt(weights)[None]).tocsr()
    runs = np.zeros(len(labels), np.int64)
    first = 0
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        runs[rows] = first + cut(weighted[rows])
        first = runs[rows].max() + 1
    return join(runs, mentions, weights)[runs]


def evidence(mentions: csr_array) -> Float[np.ndarray, " names"]:
    """Evidence of a shared name for one film, in nats: the log of how much likelier it is there than elsewhere."""
    share = np.maximum(mentions.sum(axis=0), 1) / max(mentions.shape[0], 1)
    nats: np.ndarray = np.log(MENTIONED / share)
    return nats.clip(min=0)


def cut(weighted: csr_array) -> Int[np.ndarray, " rows"]:
    """The number of each row's run: the partition into runs of at most LONGEST rows that holds the most evidence.

    A run's evidence is the sum over its pairs of rows of names shared minus DOUBT. By dynamic programming:
    best(j) = max over k of best(j - k) + evidence within the last k of the first j rows.
    """
    rows = weighted.shape[0]
    joins = np.zeros((rows, LONGEST))  # [row, k]: its evidence with the k rows before it
    for gap in range(1, min(LONGEST, rows)):
        joins[gap:, gap] = weighted[gap:].multiply(weighted[:-gap]).sum(axis=1) - DOUBT
    joins = joins.cumsum(axis=1)
    best = np.zeros(rows + 1)
    start = np.zeros(rows, np.int64)
    within = np.zeros(LONGEST)
    for row in range(rows):
        within = np.concatenate([[0.0], within[:-1]]) + joins[row]  # [k]: of the run of this row and the k before it
        reach = min(row + 1, LONGEST)
        total = best[row - np.arange(reach)] + within[:reach]
        start[row] = row - total.argmax()
        best[row + 1] = total.max()
    return _numbered(start)


def _numbered(start: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """Run numbers from where the best run that ends at each row starts: read from the last row backwards."""
    begins = np.zeros(len(start), np.int64)
    row = len(start) - 1
    while row >= 0:
        begins[start[row]] = 1
        row = start[row] - 1
    return begins.cumsum() - 1


def join(
    runs: Int[np.ndarray, " rows"], mentions: csr_array, weights: Float[np.ndarray, " names"]
) -> Int[np.ndarray, " runs"]:
    """The film of each run: runs with similar names are joined, the most similar first, up to LARGEST rows."""
    size = np.bincount(runs)
    film = np.arange(len(size))
    for left_run, right_run in _links(runs, mentions, weights):
        left = film[left_run]
        right = film[right_run]
        if left != right and size[left] + size[right] <= LARGEST:
            film[film == right] = left
            size[left] += size[right]
    return film


def _links(runs: Rows, mentions: csr_array, weights: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of runs whose weighted counts of names have a cosine above ALIKE, the highest first."""
    rows = np.arange(len(runs))
    counts = (csr_array((np.ones(len(runs)), (runs, rows))) @ mentions).tocsr()
    counts.data = np.log1p(counts.data)
    profiles = counts.multiply(weights[None]).tocsr()
    norms = np.sqrt(profiles.multiply(profiles).sum(axis=1))
    profiles = diags_array(1 / np.maximum(norms, 1e-9)) @ profiles
    alike = triu(profiles @ profiles.T, k=1).tocoo()
    order = np.lexsort((alike.col, alike.row, -alike.data))
    order = order[alike.data[order] > ALIKE]
    return list(zip(alike.row[order].tolist(), alike.col[order].tolist(), strict=True))


def shared(mentions: csr_array, held_out: Bool[np.ndarray, " rows"], training: Bool[np.ndarray, " rows"]) -> float:
    """Share of the held-out rows that share MANY rare names with one row of the training split."""
    rare = mentions[:, mentions.sum(axis=0) <= RARE].tocsr()
    common = (rare[held_out] @ rare[training].T).tocsr()
    return float((common.max(axis=1).toarray() >= MANY).mean())
