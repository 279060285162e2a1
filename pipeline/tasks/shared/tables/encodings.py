"""Which encoding a text is in: UTF-8 where all of it is, else the one that its bytes speak for.

Windows-1252 (Latin-1 is a part of it) is taken where nearly all of what it makes of the bytes are letters and signs of
Western European languages between plain ones; else what charset-normalizer finds. A text that is mostly UTF-8 is
damaged, and refused.
"""

import codecs
import re
from pathlib import Path

from pipeline.common import InputError

BLOCK = 1 << 20  # bytes
SAMPLE = 200_000  # bytes of lines that are not ASCII
WESTERN = frozenset(
    "äöüßéèêëàâáãåçñíìîïóòôõøúùûýÿæœðþšžÄÖÜÉÈÊËÀÂÁÃÅÇÑÍÌÎÏÓÒÔÕØÚÙÛÝÆŒŠŽ°²³¹µ€£§«»„“”‘’‚–—…·½¼¾®©™ªº¿¡×±\u00a0"
)
LEAST_WESTERN = 0.9  # share of the signs
LEAST_COHERENCE = 0.2  # share of letters in the order of a language, as charset-normalizer measures it
ENOUGH = 32  # bytes beyond ASCII, of which an encoding can be told
MOST_IN_RUNS = 0.4  # share of the signs next to another one: whole words of them are another alphabet


def is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def guess(path: Path, source: str) -> str:
    """The encoding of text that is not UTF-8. Raises InputError where none fits."""
    sample = _sample(path)
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if sum(letter > "\x7f" for letter in text) - wrong > wrong:
        raise InputError(f"{source}: {wrong_bytes(path)}; the rest is UTF-8: the file is damaged, or of two encodings")
    if is_western(sample):
        return "windows-1252"
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample)) if sum(byte > 0x7F for byte in sample) >= ENOUGH else []
    best = matches[0] if matches else None
    if best is None or best.coherence < LEAST_COHERENCE or best.encoding.startswith("utf_8"):
        names = ", ".join(match.encoding.replace("_", "-") for match in matches[:3])
        may_be = f" (it may be {names}, or another)" if names else ""
        raise InputError(f"{source}: {wrong_bytes(path)}; accepted: the encoding stated, `encoding: ...`{may_be}")
    return best.encoding.replace("_", "-")


def is_western(sample: bytes) -> bool:
    try:
        text = sample.decode("windows-1252")
    except UnicodeDecodeError:
        return False
    signs = [letter for letter in text if letter > "\x7f"]
    in_runs = sum(len(run) for run in re.findall(r"[^\W\d_a-zA-Z]{2,}", text))
    western = sum(sign in WESTERN for sign in signs)
    return western >= LEAST_WESTERN * len(signs) and in_runs <= MOST_IN_RUNS * len(signs)


def _sample(path: Path) -> bytes:
    """Lines with bytes beyond ASCII, from all of the file as far as they go."""
    lines, size = [], 0
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                lines.append(line[:SAMPLE])
                size += len(lines[-1])
                if size > SAMPLE:
                    break
    return b"".join(lines)


def wrong_bytes(path: Path) -> str:
    """In how many lines bytes are not UTF-8, and where the first is."""
    count, first = 0, ""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                count += 1
                first = first or f"line {number}, byte {error.start + 1} (0x{line[error.start]:02x})"
    return f"lines with bytes that are not UTF-8: {count:,}, first in {first}"
