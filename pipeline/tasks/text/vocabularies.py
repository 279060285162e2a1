"""Choose the tokens of texts: words, or parts of words if words would leave too many tokens unknown."""

from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

WORD = r"\w+(?:'\w+)*|[^\w\s]"
PADDING = 0
UNKNOWN = 1
SPECIAL = ["[PAD]", "[UNK]"]
MOST_UNKNOWN = 0.05  # share of the validation split's tokens that may be unknown words
LONGEST_PART = 16  # letters


class Chosen(NamedTuple):
    """A tokenizer, whether its tokens are parts of words, and a note that says why."""

    tokenizer: Tokenizer
    parts: bool
    notes: list[str]


def choose(train: Sequence[str], valid: Sequence[str], vocabulary: int, kind: str) -> Chosen:
    """A tokenizer learned from the training split; `kind` is words, subwords or auto."""
    if kind == "subwords":
        return Chosen(parts_of_words(train, vocabulary), True, [])
    tokenizer = words(train, vocabulary)
    ids = [token for encoding in tokenizer.encode_batch_fast(list(valid)) for token in encoding.ids]
    share = ids.count(UNKNOWN) / max(len(ids), 1)
    if kind == "words" or share <= MOST_UNKNOWN:
        return Chosen(tokenizer, False, [])
    note = f"words leave {share:.1%} of the validation split's tokens unknown: tokens are parts of words (BPE)"
    return Chosen(parts_of_words(train, vocabulary), True, [f"{note}; `tokens: words` keeps words"])


def words(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """A tokenizer with the most frequent words of the texts, at most `vocabulary` tokens in all."""
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocabulary, special_tokens=SPECIAL, min_frequency=2, show_progress=False
    )
    return _trained(models.WordLevel(unk_token="[UNK]"), trainer, texts)


def parts_of_words(texts: Sequence[str], vocabulary: int) -> Tokenizer:
    """A tokenizer with the most frequent parts of words, at most `vocabulary` tokens in all; rare letters are unknown.

    Sennrich et al., Neural Machine Translation of Rare Words with Subword Units, 2016.
    """
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=SPECIAL,
        min_frequency=2,
        limit_alphabet=max(vocabulary // 2, 1),
        max_token_length=LONGEST_PART,
        show_progress=False,
    )
    return _trained(models.BPE(unk_token="[UNK]"), trainer, texts)


def _trained(model: models.Model, trainer: trainers.Trainer, texts: Sequence[str]) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace("\u2019", "'"), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "removed", invert=True)
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return tokenizer
