"""The pieces of a table with a progress bar: rows read, their rate, and the time that remains."""

from collections.abc import Collection, Iterator

from tqdm import tqdm

from pipeline.tasks.shared.tables import Piece, Table


def progress(table: Table, columns: Collection[str], what: str = "read") -> Iterator[Piece]:
    """The pieces of these columns; the bar is shown only on a terminal."""
    with tqdm(total=table.rows, unit="row", unit_scale=True, desc=what, disable=None, leave=False) as bar:
        for piece in table.pieces(columns):
            yield piece
            bar.update(piece.rows)
