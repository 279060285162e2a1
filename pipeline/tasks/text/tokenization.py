"""Convert reviews to tokens: a vocabulary learned from the training split, and ragged rows of token numbers.

    "It's good, isn't it?"  ->  it's good , isn't it ?  ->  31 50 3 232 12 25

Tokens are lower-case words with their apostrophes, and single punctuation marks, by decreasing frequency; 0 is padding
and 1 is any word outside the vocabulary.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int, Shaped
from tokenizers import Tokenizer
from torch import Tensor
from tqdm import tqdm

from pipeline.tasks import Ragged
from pipeline.tasks.shared import column_files
from pipeline.tasks.text import ngram_ratios, review_store, vocabularies
from pipeline.tasks.text.vocabularies import PADDING, UNKNOWN

FILE = "tokenizer.json"
AT_ONCE = 100_000  # texts

Labels = Int[np.ndarray, " rows"]
Tokens = Int[np.ndarray, " tokens"]
Offsets = Int[np.ndarray, " rows_plus_one"]


class Reading(NamedTuple):
    """How to tokenize texts."""

    vocabulary: int  # tokens that are distinguished, at most
    longest: int  # tokens of a text
    ngrams: int  # tokens of the longest phrase whose ratios are read; 0: none
    classes: int
    tokens: str = "words"  # or subwords, or auto


def write(
    folder: Path, texts: Mapping[str, list[str]], labels: Mapping[str, Labels], folds: Labels, reading: Reading
) -> tuple[dict[str, Any], list[str]]:
    """Write the splits and what was learned from the training split; returns facts for the audit, and notes.

    The facts are shares in each split: texts_at_max_tokens of texts with `longest` tokens, nearly all of which were
    longer; unknown_tokens of unknown tokens. `folds` are those of the training texts, for their ratios.
    """
    tokenizer, parts, notes = vocabularies.choose(texts["train"], texts["valid"], reading.vocabulary, reading.tokens)
    tokenizer.save(str(folder / FILE))
    full = {}
    unknown = {}
    phrases: list[ngram_ratios.Phrases] = []
    for split, split_texts in sorted(texts.items(), key=lambda item: item[0] != "train"):
        tokens, offsets = table(tokenizer, split_texts)
        used, ends = at_both_ends(offsets, reading.longest)
        inputs = _of(used, tokens)
        columns: dict[str, Any] = {"inputs": (inputs, ends), "targets": labels[split], "text": split_texts}
        if reading.ngrams and split == "train":
            known = (labels["train"], folds, reading.classes, reading.ngrams, reading.vocabulary)
            phrases, ratios = ngram_ratios.learn(tokens, offsets, *known)
            ngram_ratios.write(folder, phrases)
            columns["ratios"] = (_of(used, ratios), ends)
        elif reading.ngrams:
            ratios = ngram_ratios.apply(phrases, tokens, offsets, reading.vocabulary)
            columns["ratios"] = (_of(used, ratios), ends)
        column_files.write(folder / f"{split}.arrow", columns)
        full[split] = float((np.diff(ends) == reading.longest).mean())
        unknown[split] = float((inputs == UNKNOWN).mean())
    tokens_are = {"tokens": "subwords"} if parts else {}
    return {"texts_at_max_tokens": full, "unknown_tokens": unknown, **tokens_are}, notes


def _of(used: Bool[np.ndarray, " tokens"], values: np.ndarray) -> np.ndarray:
    """The values of the tokens that are used; without a copy if all are."""
    return values if used.all() else values[used]


def saved(folder: Path) -> Tokenizer:
    """The tokenizer in a prepared folder; read again only if the file has changed."""
    path = folder / FILE
    return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text; a text without tokens becomes a single unknown word."""
    return [encoding.ids or [UNKNOWN] for encoding in tokenizer.encode_batch_fast(list(texts))]


def at_both_ends(offsets: Offsets, longest: int) -> tuple[Bool[np.ndarray, " tokens"], Offsets]:
    """Which tokens to use, at most `longest` of each text, and their offsets.

    The middle of a text with more than `longest` tokens is left out, since the verdict is often at one of its ends (Sun
    et al., How to Fine-Tune BERT for Text Classification?, 2019).
    """
    sizes = np.diff(offsets)
    used = np.ones(offsets[-1], bool)
    for text in np.flatnonzero(sizes > longest).tolist():
        first = longest // 2
        used[offsets[text] + first : offsets[text + 1] - (longest - first)] = False
    return used, np.concatenate([[0], np.minimum(sizes, longest).cumsum()])


def table(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Tokens, Offsets]:
    """The concatenated tokens of many texts, and their offsets; batched by `datasets`, some texts at a time."""
    tokens = [np.empty(0, np.int32)]
    sizes = [np.zeros(1, np.int64)]
    for begin in tqdm(range(0, len(texts), AT_ONCE), desc="tokens", unit="block", disable=None, leave=False):
        block = texts[begin : begin + AT_ONCE]
        rows = review_store.batched("inputs", lambda batch: encode(tokenizer, batch), block)
        tokens.append(rows.values.to_numpy().astype(np.int32))
        sizes.append(np.diff(rows.offsets.to_numpy()).astype(np.int64))
    return np.concatenate(tokens), np.cumsum(np.concatenate(sizes))


def few(folder: Path, texts: Sequence[str], reading: Reading) -> dict[str, Ragged]:
    """The columns of a few texts, tokenized with what was learned into `folder`."""
    rows = encode(saved(folder), texts)
    tokens = np.concatenate(rows)
    offsets = np.cumsum([0, *map(len, rows)])
    used, ends = at_both_ends(offsets, reading.longest)
    columns = {"inputs": Ragged(torch.from_numpy(tokens[used]), torch.from_numpy(ends))}
    if reading.ngrams:
        ratios = ngram_ratios.apply(ngram_ratios.read(folder), tokens, offsets, reading.vocabulary)
        columns["ratios"] = Ragged(torch.from_numpy(ratios[used]), columns["inputs"].offsets)
    return columns


def padded(
    column: Ragged, rows: Int[Tensor, " batch"]
) -> tuple[Shaped[Tensor, "batch time ..."], Int[Tensor, " batch"]]:
    """Rows of tokens (or of numbers for each token), padded with zeros at the end and stacked; and their lengths."""
    starts = column.offsets[rows]
    lengths = column.offsets[rows + 1] - starts
    step = torch.arange(int(lengths.max()), device=rows.device)
    inside = step < lengths[:, None]
    places = torch.where(inside, starts[:, None] + step, 0)
    if column.values.ndim == 1:
        return torch.where(inside, column.values[places].long(), PADDING), lengths
    return torch.where(inside.unsqueeze(2), column.values[places].float(), 0.0), lengths
