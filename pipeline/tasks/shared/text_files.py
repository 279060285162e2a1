"""Recognise files that are not plain text by their first bytes; and check whether a text can be encoded."""

from pathlib import Path

MARKS = {  # the first bytes of files that are not plain text
    b"BZh": "compressed with bzip2: unpack it (bunzip2 --keep)",
    b"\xfd7zXZ\x00": "compressed with xz: unpack it (unxz --keep)",
    b"PK\x03\x04": "a zip archive: unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV in UTF-8",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
}
PAGES = (b"<!doctype html", b"<html")
HEAD = 4096  # bytes


def other_kind(path: Path) -> str | None:
    """The kind of a file, if its first bytes show that it is not plain text."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    for mark, kind in MARKS.items():
        if head.startswith(mark):
            return kind
    if head.lstrip().lower().startswith(PAGES):
        return "an HTML page, not the file that it may link to"
    return None


def is_whole(text: str) -> bool:
    """Whether a text can be encoded: half of a surrogate pair, which JSON and a command line may contain, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
