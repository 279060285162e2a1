"""Copy a file from a path or a URL and check its digest; if that fails, report it within seconds, in one line."""

import hashlib
import shutil
import threading
from pathlib import Path
from queue import Empty, Queue

from pipeline.common import InputError, web
from pipeline.tasks.shared import tables

SILENCE = 8.0  # seconds without a byte, after which a host counts as unreachable
SOURCES = Path("data/sources")
OTHERWISE = (
    "download it by other means and set `source` to the file (its digest stays the same), "
    "or use the bundled data/victoria_2014.csv"
)


def copy(source: str, path: Path) -> None:
    """Copy the file that `source` names (a path, also below data/sources, or an http(s) URL) to `path`."""
    if source.startswith(("http://", "https://")):
        download(source, path)
        return
    for place in (Path(source), SOURCES / source):
        if place.is_file():
            shutil.copyfile(place, path)
            return
    raise InputError(f"source {source!r}: no such file, nor {SOURCES / source}; accepted: a path or an http(s) URL")


def fetched_name(source: str) -> str:
    """The name of a series' file in its fetched folder; it has the source's ending, if that is one of a table."""
    return f"series{tables.ending(source) or '.csv'}"


def fetched(folder: Path) -> Path:
    """The series' file in a fetched folder; `series.csv` if there is none."""
    return next(iter(sorted(folder.glob("series.*"))), folder / "series.csv")


def verified(path: Path, expected: str | None, source: str) -> str:
    """The SHA-256 of a file. Raises InputError if it is not `expected`, where one is given."""
    digest = sha256(path)
    if expected and digest != expected.lower():
        raise InputError(
            f"source {source!r}: its SHA-256 is {digest}, but `digest` is {expected}: if the new content is right, "
            "write its digest there"
        )
    return digest


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, path: Path, silence: float = SILENCE, otherwise: str = OTHERWISE) -> None:
    """Stream `url` to `path`; if it cannot be read, the error advises what to do `otherwise`.

    Another thread reads while this one waits for chunks, since no single time limit covers name resolution, connecting,
    and a server that sends its headers byte by byte.
    """
    chunks: Queue[bytes | Exception] = Queue()
    threading.Thread(target=_read, args=(url, silence, chunks), daemon=True).start()
    with path.open("wb") as file:
        while chunk := _next(chunks, url, silence, otherwise):
            file.write(chunk)


def _next(chunks: Queue[bytes | Exception], url: str, silence: float, otherwise: str) -> bytes:
    try:
        chunk = chunks.get(timeout=silence)
    except Empty:
        chunk = TimeoutError(f"no answer within {silence:g} s")
    if isinstance(chunk, Exception):
        raise InputError(f"source {url!r} cannot be read ({web.reason(chunk)}): {otherwise}")
    return chunk


def _read(url: str, silence: float, chunks: Queue[bytes | Exception]) -> None:
    """Put the chunks of the content and then an empty one, or the error that ended it.

    Without transfer compression, since compressed content would have a different digest.
    """
    try:
        with (
            web.session() as session,
            session.get(url, headers={"Accept-Encoding": "identity"}, stream=True, timeout=silence) as response,
        ):
            if not response.ok:
                raise OSError(web.status_of(response))
            while chunk := response.raw.read1(1 << 16, decode_content=False):
                chunks.put(chunk)
        chunks.put(b"")
    except web.ERRORS as error:
        chunks.put(error)
