"""Detect the encoding of a text: UTF-8 if all of it is valid UTF-8, otherwise the most plausible one.

Windows-1252 (which includes Latin-1) is chosen if nearly all decoded characters beyond ASCII are letters and signs of
Western European languages, scattered among ASCII; otherwise charset-normalizer decides. A text that is mostly UTF-8 is
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
LEAST_WESTERN = 0.9  # share of the characters beyond ASCII
LEAST_COHERENCE = 0.2  # share of letters in the order of a language, as charset-normalizer measures it
ENOUGH = 32  # bytes beyond ASCII from which an encoding can be detected
MOST_IN_RUNS = 0.4  # share of the characters beyond ASCII in runs, as in whole words of another alphabet


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
    """The encoding of a text that is not UTF-8. Raises InputError if none is plausible."""
    sample = _sample(path)
    text = sample.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if sum(letter > "\x7f" for letter in text) - wrong > wrong:
        raise InputError(
            f"{source}: {wrong_bytes(path)}; the rest is UTF-8: the file is damaged, or mixes two encodings"
        )
    if is_western(sample):
        return "windows-1252"
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample)) if sum(byte > 0x7F for byte in sample) >= ENOUGH else []
    best = matches[0] if matches else None
    if best is None or best.coherence < LEAST_COHERENCE or best.encoding.startswith("utf_8"):
        names = ", ".join(match.encoding.replace("_", "-") for match in matches[:3])
        may_be = f" (it may be {names}, or another)" if names else ""
        raise InputError(f"{source}: {wrong_bytes(path)}; accepted: the setting `encoding: ...`{may_be}")
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
    """Lines with bytes beyond ASCII, from the beginning of the file up to SAMPLE bytes."""
    lines = []
    size = 0
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                lines.append(line[:SAMPLE])
                size += len(lines[-1])
                if size > SAMPLE:
                    break
    return b"".join(lines)


def wrong_bytes(path: Path) -> str:
    """How many lines have bytes that are not UTF-8, and the first of them, in words."""
    count = 0
    first = ""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                count += 1
                first = first or f"line {number}, byte {error.start + 1} (0x{line[error.start]:02x})"
    return f"lines with bytes that are not UTF-8: {count:,}, first in {first}"
