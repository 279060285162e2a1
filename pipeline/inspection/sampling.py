"""Take the beginning of a large file instead of all of it, cut at the end of a line."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import pyarrow as pa

LARGE = 200 << 20  # bytes; a tenth of it for packed files
SAMPLE = 50 << 20  # bytes, unpacked
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
WHOLE = (b"PAR1", b"PK\x03\x04")  # kinds whose rows can be read selectively, or that cannot be cut


@contextmanager
def beginning(path: Path) -> Iterator[tuple[Path, str]]:
    """The file, or a copy of its beginning if it is large; and a sentence that says so."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
    packed = next((name for mark, name in PACKED.items() if head.startswith(mark)), "")
    if head.startswith(WHOLE) or size * (10 if packed else 1) <= LARGE:
        yield path, ""
        return
    with TemporaryDirectory(prefix="sample-") as folder:
        sample = Path(folder, path.name.removesuffix(".gz").removesuffix(".zst"))
        with _opened(path, packed) as content:
            block = content.read(SAMPLE)
        sample.write_bytes(block[: block.rfind(b"\n") + 1])
        yield sample, f"read only the first {SAMPLE >> 20} MiB of {size:,} bytes{', unpacked' if packed else ''}"


def _opened(path: Path, packed: str) -> IO[bytes] | Any:
    if packed == "gzip":
        return gzip.open(path)
    return pa.input_stream(str(path), compression="zstd") if packed else path.open("rb")
