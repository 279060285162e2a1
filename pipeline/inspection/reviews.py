"""Propose settings for a file of reviews: its labels and their counts, and its texts."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipeline.inspection.columns import Column
from pipeline.tasks.text import minhash
from pipeline.tasks.text.label_words import word_of

KNOWN = (["negative", "positive"], ["0", "1"], ["false", "true"])
STARS = ["1", "2", "3", "4", "5"]
COPIES = 2000  # texts among which near copies are searched for
NO_SPACES = 30  # letters of an average word, above which a language has no spaces between words


def lines(source: str, columns: Sequence[Column]) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print, the proposed settings, and the obstacles to using them."""
    texts = sorted((c for c in columns if c.kind == "text"), key=lambda c: -sum(len(str(cell)) for cell in c.cells))
    label = _label(columns)
    text = texts[0]
    assert label is not None, "a file of reviews has texts and labels"
    settings: dict[str, Any] = {"kind": "sentiment", "source": source}
    settings |= {} if text.name == "text" else {"text": text.name}
    settings |= {} if label.name == "label" else {"label": label.name}
    words = Counter(word_of(cell) for cell in label.cells)
    counts = ", ".join(f"{word!r} {count:,}" for word, count in words.most_common(12))
    printed = [f"  labels in {label.name!r}: {counts}{' ...' if len(words) > 12 else ''}"]
    names = sorted(word for word in words if word)
    if names == STARS:
        settings["labels"] = {"negative": [1, 2], "positive": [4, 5]}
        printed.append("  stars: 1 and 2 as negative, 4 and 5 as positive; 3 is left out")
    elif names not in KNOWN:
        settings["labels"] = names
    printed += _of_texts([str(cell) for cell in text.cells if cell is not None])
    rare = [f"label {word!r} occurs once; accepted: some in each split" for word, count in words.items() if count == 1]
    return printed, settings, rare


def _label(columns: Sequence[Column]) -> Column | None:
    """The column that is named like a label, or otherwise the one with the fewest distinct values, two or more."""
    few = [c for c in columns if c.kind in ("label", "flag", "number") and 2 <= c.different <= 100]
    named = [c for c in few if c.name.lower() in ("label", "labels", "sentiment", "stars", "rating", "score", "class")]
    return min(named or few, key=lambda column: column.different, default=None)


def fits(columns: Sequence[Column]) -> bool:
    """Whether there are columns of texts and of labels."""
    return any(column.kind == "text" for column in columns) and _label(columns) is not None


def _of_texts(texts: Sequence[str]) -> list[str]:
    """Lines on lengths, blank texts, copies, and whether there are spaces between words."""
    blank = sum(not text.strip() for text in texts)
    duplicates = len(texts) - len({text.casefold() for text in texts})
    letters = sum(map(len, texts))
    words = sum(len(text.split()) for text in texts)
    groups = minhash.groups(list(texts[:COPIES]), 0.5)
    near_copies = len(groups) - len(set(groups.tolist()))
    printed = [
        f"  {len(texts):,} texts of {words / max(len(texts), 1):.0f} words on average; "
        f"{blank:,} blank, {duplicates:,} duplicates"
    ]
    printed += [f"  near copies: {near_copies:,} among the first {min(len(texts), COPIES):,}"] if near_copies else []
    if words and letters / words > NO_SPACES:
        printed.append("  hardly any spaces between words: tokens will be parts of words")
    return printed
