"""Columns of numbers and text in Arrow files: equal data give equal bytes, and reading maps the file into memory."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from pipeline.tasks import Ragged

Array = npt.NDArray[Any]
NUMPY = {"halffloat": "float16", "float": "float32", "double": "float64"}  # where its names differ from arrow's


def write(path: Path, columns: Mapping[str, Array | tuple[Array, Array] | list[str]]) -> None:
    """Write dense arrays [rows, ...], ragged ones as (values, offsets), and texts, as one record batch."""
    arrays = []
    fields = []
    for name, column in columns.items():
        if isinstance(column, tuple):
            values, offsets = column
            flat = pa.array(values.reshape(-1))
            shape = list(values.shape[1:]) or None
            inner = pa.FixedSizeListArray.from_arrays(flat, int(np.prod(shape))) if shape else flat
            array = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), inner)
        elif isinstance(column, list):
            array = pa.array(column, pa.large_string())
            shape = None
        else:
            flat = pa.array(np.ascontiguousarray(column).reshape(-1))
            shape = list(column.shape[1:])
            array = pa.FixedSizeListArray.from_arrays(flat, int(np.prod(shape))) if shape else flat
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata={"shape": json.dumps(shape)}))
    batch = pa.record_batch(arrays, schema=pa.schema(fields))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def read(path: Path) -> dict[str, Tensor | Ragged]:
    """The number columns as tensors that share memory with the mapped file; nothing is copied."""
    batch = _batch(path)
    columns: dict[str, Tensor | Ragged] = {}
    for field, array in zip(batch.schema, batch.columns, strict=True):
        if pa.types.is_large_string(field.type):
            continue
        if pa.types.is_large_list(field.type):
            shape = json.loads(field.metadata[b"shape"])
            inner = array.values
            values = _tensor(inner.values).reshape(len(inner), *shape) if shape else _tensor(inner)
            columns[field.name] = Ragged(values, _tensor(array.offsets))
        else:
            shape = json.loads(field.metadata[b"shape"])
            columns[field.name] = _tensor(array.values if shape else array).reshape(len(array), *shape)
    return columns


def strings(path: Path, name: str) -> list[str]:
    """A text column as Python strings."""
    return _batch(path).column(name).to_pylist()


def _batch(path: Path) -> pa.RecordBatch:
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)


def _tensor(array: pa.Array) -> Tensor:
    name = str(array.type)  # arrow's own conversion to numpy imports pandas: a second in every process
    values = np.frombuffer(array.buffers()[1] or b"", NUMPY.get(name, name))
    with warnings.catch_warnings():  # the map is read-only, and nothing writes to it
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(values[array.offset : array.offset + len(array)])
