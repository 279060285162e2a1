"""Make a plain copy of a file: unpacked, in UTF-8, with a name that no library mistakes for a glob pattern."""

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.common import InputError
from pipeline.tasks.shared import text_files
from pipeline.tasks.shared.tables import encodings

PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
MARKED = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
HEAD = 4096  # bytes
BLOCK = 1 << 20
GIGABYTE = 10**9
LEFT = GIGABYTE  # bytes of the disk that are left free


class File(NamedTuple):
    """A file that is ready to be read."""

    path: Path  # in a folder that is removed when the file is closed
    kind: str  # text, parquet, workbook
    packed: str  # gzip, zstd, or empty
    encoding: str  # the original encoding of a text


@contextmanager
def plain(path: Path, source: str, encoding: str | None, limit: float) -> Iterator[File]:
    """The plain copy; `encoding` overrides detection. Raises InputError for a file that is neither text nor a table, or
    that unpacks to more than `limit` gigabytes, or than the disk has.
    """
    with TemporaryDirectory(prefix="table-") as folder:
        link = Path(folder, "source")
        link.symlink_to(path.resolve())
        head = _head(link)
        packed = next((name for mark, name in PACKED.items() if head.startswith(mark)), "")
        if packed:
            link = _unpacked(link, Path(folder, "unpacked"), packed, source, limit)
            head = _head(link)
        kind = _kind(link, head, source)
        if kind == "workbook":
            _refuse_large(_unpacked_size(link), limit, source)
        if kind != "text":
            yield File(link, kind, packed, "")
            return
        encoding = _encoding(link, head, encoding, source)
        if encoding != "utf-8":
            link = _recoded(link, Path(folder, "text"), encoding, source)
        yield File(link, kind, packed, encoding)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _unpacked(path: Path, to: Path, packed: str, source: str, limit: float) -> Path:
    size = 0
    try:
        with _stream(path, packed) as content, to.open("wb") as file:
            while block := content.read(BLOCK):
                size += len(block)
                _refuse_large(size, limit, source)
                _refuse_full(to, size, source)
                file.write(block)
    except (EOFError, OSError, zlib.error, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{source} is compressed with {packed} and cannot be unpacked ({reason})") from None
    return to


def _refuse_large(size: int, limit: float, source: str) -> None:
    if size > limit * GIGABYTE:
        accepted = f"accepted: at most {limit:g} (setting: unpacked_limit)"
        raise InputError(f"{source} unpacks to more than {limit:g} GB; {accepted}, or a plain file")


def _refuse_full(to: Path, size: int, source: str) -> None:
    free = disk_usage(to.parent).free
    if free < LEFT + BLOCK:
        fault = (
            f"only {free / GIGABYTE:.1f} GB are free in {to.parent.parent} after {size / GIGABYTE:.1f} GB were unpacked"
        )
        raise InputError(f"{source}: {fault}; accepted: a larger disk (TMPDIR names the folder), or a plain file")


def _unpacked_size(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(part.file_size for part in archive.infolist())


def _stream(path: Path, packed: str) -> Any:
    return gzip.open(path) if packed == "gzip" else pa.input_stream(str(path), compression="zstd")


def _kind(path: Path, head: bytes, source: str) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04") and _is_workbook(path):
        return "workbook"
    if kind := text_files.other_kind(path):
        accepted = (
            "text (CSV, TSV, JSON lines), parquet, an Excel workbook (.xlsx), or any of these packed with gzip or zstd"
        )
        raise InputError(f"{source} is {kind}; accepted: {accepted}")
    return "text"


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _encoding(path: Path, head: bytes, setting: str | None, source: str) -> str:
    if setting:
        try:
            name = codecs.lookup(setting).name
        except LookupError:
            raise InputError(
                f"encoding: no encoding is named {setting!r}; accepted: names such as utf-8 or windows-1252"
            ) from None
        if name == "utf-8" and not encodings.is_utf8(path):
            raise InputError(
                f"{source}: {encodings.wrong_bytes(path)}; accepted: the file's own encoding in `encoding`"
            )
        return {"cp1252": "windows-1252"}.get(name, name)
    marked = next((name for mark, name in MARKED.items() if head.startswith(mark)), None) or _without_mark(head)
    if marked:
        return marked
    if encodings.is_utf8(path):
        return "utf-8"
    if head.lstrip().startswith(b"{"):
        raise InputError(f"{source}: {encodings.wrong_bytes(path)}; JSON is UTF-8")
    return encodings.guess(path, source)


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without a byte order mark, if nearly every other byte is 0; otherwise None."""
    zeros = [head[place::2].count(0) for place in (0, 1)]
    if 4 * sum(zeros) <= len(head) or min(zeros) > 0.02 * len(head):
        return None
    return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"


def _recoded(path: Path, to: Path, encoding: str, source: str) -> Path:
    try:
        with path.open(encoding=encoding, newline="") as text, to.open("w", encoding="utf-8", newline="") as file:
            while block := text.read(BLOCK):
                file.write(block)
    except (UnicodeError, ValueError) as error:
        place = f", byte {error.start + 1}" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"{source} is not {encoding} text{place}; accepted: the file's own encoding in `encoding`"
        ) from None
    return to
