"""Words as numbers: a vocabulary learned from the training split, and reviews as ragged rows of tokens.

    "It's good, isn't it?"  ->  it's good , isn't it ?  ->  31 50 3 232 12 25

Tokens are lower-case words with their apostrophes, and single punctuation marks, by decreasing frequency; 0 is padding
and 1 is every word that the vocabulary lacks.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from pipeline.tasks import Ragged
from pipeline.tasks.shared import column_files
from pipeline.tasks.text import review_store

WORD = r"\w+(?:'\w+)*|[^\w\s]"
PADDING, UNKNOWN = 0, 1
FILE = "tokenizer.json"

Labels = Int[np.ndarray, " rows"]


def write(
    folder: Path, texts: Mapping[str, list[str]], labels: Mapping[str, Labels], vocabulary: int, longest: int
) -> dict[str, dict[str, float]]:
    """Write the splits, and a tokenizer learned from the training split; returns shares of texts and tokens in each.

    texts_at_max_tokens: texts with `longest` tokens, nearly all of which were longer; unknown_tokens: tokens unknown.
    """
    tokenizer = learn(texts["train"], vocabulary)
    tokenizer.save(str(folder / FILE))
    full, unknown = {}, {}
    for split, split_texts in texts.items():
        values, offsets = table(tokenizer, split_texts, longest)
        path = folder / f"{split}.arrow"
        column_files.write(path, {"inputs": (values, offsets), "targets": labels[split], "text": split_texts})
        full[split] = float((np.diff(offsets) == longest).mean())
        unknown[split] = float((values == UNKNOWN).mean())
    return {"texts_at_max_tokens": full, "unknown_tokens": unknown}


def learn(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """A tokenizer with the most frequent words of the texts, at most `vocabulary` tokens in all."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("\u2019", "'"), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocabulary, special_tokens=["[PAD]", "[UNK]"], min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return tokenizer


def saved(folder: Path) -> Tokenizer:
    """The tokenizer in a prepared folder; read again only if the file has changed."""
    path = folder / FILE
    return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def encode(tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> list[list[int]]:
    """The tokens of each text; a text without any is one unknown word.

    The middle of a text with more than `longest` is left out, since the verdict is often at one of its ends (Sun et
    al., How to Fine-Tune BERT for Text Classification?, 2019).
    """
    encoded = (encoding.ids or [UNKNOWN] for encoding in tokenizer.encode_batch_fast(list(texts)))
    first = longest // 2
    return [ids if len(ids) <= longest else ids[:first] + ids[first - longest :] for ids in encoded]


def table(tokenizer: Tokenizer, texts: list[str], longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of many texts, concatenated, and where each begins (and the last ends); batched by `datasets`."""
    rows = review_store.batched("inputs", lambda batch: encode(tokenizer, batch, longest), texts)
    return rows.values.to_numpy().astype(np.int32), rows.offsets.to_numpy().astype(np.int64)


def few(tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> Ragged:
    """The tokens of a few texts, at once."""
    rows = [torch.tensor(row) for row in encode(tokenizer, texts, longest)]
    return Ragged(torch.cat(rows), torch.tensor([0, *map(len, rows)]).cumsum(0))


def padded(column: Ragged, rows: Int[Tensor, " batch"]) -> tuple[Int[Tensor, "batch time"], Int[Tensor, " batch"]]:
    """Rows of tokens, stacked, with zeros after the shorter ones; and their lengths."""
    starts = column.offsets[rows]
    lengths = column.offsets[rows + 1] - starts
    step = torch.arange(int(lengths.max()), device=rows.device)
    inside = step < lengths[:, None]
    places = torch.where(inside, starts[:, None] + step, 0)
    return torch.where(inside, column.values[places].long(), PADDING), lengths
