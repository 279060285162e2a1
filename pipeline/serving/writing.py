"""Tables written one after another to a file: parquet, CSV or JSON lines."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


class Writer:
    """Writes tables one after another to a file of the kind that `kind` names; used as a context."""

    def __init__(self, path: Path, kind: str):
        self.path = path
        self.kind = kind
        self._parquet: pq.ParquetWriter | None = None
        self._file = None if kind == ".parquet" else path.open("w", encoding="utf-8", newline="")

    def write(self, table: pd.DataFrame) -> None:
        if self._file is None:
            content = pa.Table.from_pandas(table, preserve_index=False)
            self._parquet = self._parquet or pq.ParquetWriter(self.path, content.schema)
            self._parquet.write_table(content.cast(self._parquet.schema))
        elif self.kind == ".csv":
            table.to_csv(self._file, index=False, header=self._file.tell() == 0, lineterminator="\n")
        else:
            table.to_json(self._file, orient="records", lines=True, force_ascii=False, double_precision=15)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *error: object) -> None:
        for open_file in (self._parquet, self._file):
            if open_file is not None:
                open_file.close()
