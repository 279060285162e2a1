"""A file as reviews: labels and how often each comes, texts and their language, and the lines that read it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pipeline.inspection.columns import Column
from pipeline.tasks.text import minhash
from pipeline.tasks.text.label_words import word_of

KNOWN = (["negative", "positive"], ["0", "1"], ["false", "true"])
STARS = ["1", "2", "3", "4", "5"]
COPIES = 2000  # texts among which near copies are looked for
NO_BLANKS = 30  # letters of a word on average, from which a language has no blanks between words


def lines(source: str, columns: Sequence[Column]) -> tuple[list[str], dict[str, Any], list[str]]:
    """What to print, the settings, and what stands in the way of using them as they are."""
    texts = sorted((c for c in columns if c.kind == "text"), key=lambda c: -sum(len(str(cell)) for cell in c.cells))
    label = _label(columns)
    text = texts[0]
    assert label is not None, "a file of reviews has both"
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
    rare = [f"label {word!r} comes once; accepted: some in each split" for word, count in words.items() if count == 1]
    return printed, settings, rare


def _label(columns: Sequence[Column]) -> Column | None:
    """The column that is called label, or has the fewest different values, two or more."""
    few = [c for c in columns if c.kind in ("label", "flag", "number") and 2 <= c.different <= 100]
    named = [c for c in few if c.name.lower() in ("label", "labels", "sentiment", "stars", "rating", "score", "class")]
    return min(named or few, key=lambda column: column.different, default=None)


def fits(columns: Sequence[Column]) -> bool:
    """Whether there are texts, and labels for them."""
    return any(column.kind == "text" for column in columns) and _label(columns) is not None


def _of_texts(texts: Sequence[str]) -> list[str]:
    """Lengths, blanks, copies, and whether words are told apart by blanks."""
    blank = sum(not text.strip() for text in texts)
    again = len(texts) - len({text.casefold() for text in texts})
    letters, words = sum(map(len, texts)), sum(len(text.split()) for text in texts)
    groups = minhash.groups(list(texts[:COPIES]), 0.5)
    near = len(groups) - len(set(groups.tolist()))
    printed = [
        f"  {len(texts):,} texts of {words / max(len(texts), 1):.0f} words on average; {blank:,} blank, {again:,} twice"
    ]
    printed += [f"  near copies: {near:,} among the first {min(len(texts), COPIES):,}"] if near else []
    if words and letters / words > NO_BLANKS:
        printed.append("  hardly any blanks between words: tokens will be parts of words")
    return printed
