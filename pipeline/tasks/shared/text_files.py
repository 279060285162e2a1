"""Open a user's text file, in UTF-8; for any other file, report what it is and where that shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.common import InputError

UTF16 = "UTF-16 text: write it as UTF-8 (iconv -f UTF-16 -t UTF-8 OLD > NEW)"
UTF32 = "UTF-32 text: write it as UTF-8 (iconv -f UTF-32 -t UTF-8 OLD > NEW)"
MARKS = {  # the first bytes of files that are not plain text; longer ones first
    b"\xff\xfe\x00\x00": UTF32,
    b"\x00\x00\xfe\xff": UTF32,
    b"\xff\xfe": UTF16,
    b"\xfe\xff": UTF16,
    b"\x1f\x8b": "compressed by gzip: unpack it (gunzip --keep)",
    b"BZh": "compressed by bzip2: unpack it (bunzip2 --keep)",
    b"\xfd7zXZ\x00": "compressed by xz: unpack it (unxz --keep)",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it (unzstd)",
    b"PK\x03\x04": "a zip archive or an Excel workbook: unpack it, or save the sheet as CSV in UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV in UTF-8",
    b"PAR1": "a parquet file",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
}
PAGES = (b"<!doctype html", b"<html")
HEAD = 4096  # bytes


@contextmanager
def opened(path: Path, source: str) -> Iterator[TextIO]:
    """The file's text with its line ends unchanged. Raises InputError, which names the file as `source`."""
    if kind := other_kind(path):
        raise InputError(f"{source} is {kind}; accepted: text in UTF-8")
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError:
        raise InputError(f"{source}: {_wrong_bytes(path)}") from None


def other_kind(path: Path) -> str | None:
    """What a file is, if its first bytes show that it is not plain text."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    for mark, kind in MARKS.items():
        if head.startswith(mark):
            return kind
    if head.lstrip().lower().startswith(PAGES):
        return "an HTML page, not the file that it may link to"
    return UTF16.replace("text", "text without its mark") if 4 * head.count(0) > len(head) else None


def is_whole(text: str) -> bool:
    """Whether text can be written: half of a surrogate pair, as JSON and a command line may contain, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong_bytes(path: Path) -> str:
    """The number of lines with bytes that are not UTF-8, and the first one's place."""
    count, first = 0, ""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                count += 1
                first = first or f"line {number}, byte {error.start + 1} (0x{line[error.start]:02x})"
    often = "Western European files are often Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"
    return f"lines with bytes that are not UTF-8: {count:,}, first in {first}; write the file as UTF-8 ({often})"
