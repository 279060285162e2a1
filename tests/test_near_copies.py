"""Near copies of reviews: which texts are, how many there are, and that none stands in two splits."""

import random
import subprocess
import sys
from itertools import combinations, pairwise

import numpy as np
import pytest
from reviews import corpus, prepare, write_csv
from scipy.sparse.csgraph import connected_components

from pipeline.baselines.linear_text import LinearText
from pipeline.common import InputError
from pipeline.common.params import check
from pipeline.tasks import SPLITS, Prepared
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.text import minhash, review_groups

REVIEW = "Eleven years later I still think of the last scene. Nobody speaks in it, and nobody has to!"
SHORT = ["Great film!", "great film", "GREAT -- film...", "A great film", "Great movie!", "Great!", "Film!", "!!!", "?"]


def rephrased(text: str, draw: random.Random, share: float = 0.08) -> str:
    """The text with other words, or more, in a few places, and other punctuation."""
    words = text.split()
    for place in draw.sample(range(len(words)), max(1, round(share * len(words)))):
        words[place] = draw.choice(["quite", "rather", f"{words[place]} indeed", f"so {words[place]}"])
    return ", ".join([" ".join(words[:5]), " ".join(words[5:])]) + draw.choice(".!?")


def six_times(texts: int, labels: random.Random) -> list[tuple[str, int]]:
    """Texts whose labels nobody can tell from their words, each six times, slightly rephrased."""
    draw = random.Random(1)
    words = [a + b for a in ("ba", "do", "gu", "ki", "le", "mo") for b in ("lan", "ner", "rim", "sot", "tuk")]
    rows = []
    for _ in range(texts):
        text, label = " ".join(draw.choices(words, k=25)), labels.randrange(2)
        rows += [(rephrased(text, draw), label) for _ in range(6)]
    draw.shuffle(rows)
    return rows


def homes(prepared: Prepared) -> dict[str, str]:
    return {text: split for split in SPLITS for text in prepared.texts(split)}


def groups(*texts: str, similarity: float = 0.5) -> list[int]:
    return minhash.groups(texts, similarity).tolist()


@pytest.mark.parametrize(
    "copy",
    [
        "Eleven years later I still think of the last scene Nobody speaks in it. And nobody has to.",
        f"{REVIEW} https://example.org/r?id=1",
        f"www.example.org/r {REVIEW.upper()}",
        f"“{REVIEW.replace('nobody', 'NoBody')}” (edited)",
        "Eleven years on I still think of that last scene. Nobody speaks in it, and nobody has to!",
        "And nobody has to! Eleven years later I still think of the last scene. Nobody speaks in it.",
    ],
)
def test_a_near_copy_is_one_whatever_was_changed_in_it(copy):
    one, other, apart = groups(REVIEW, copy, "Ten years ago this was new; now there is no scene that I remember of it.")
    assert one == other != apart


def test_of_a_short_text_only_the_same_words_are_a_copy():
    group_of = groups(*SHORT)
    assert group_of[0] == group_of[1] == group_of[2]
    assert len(set(group_of[2:])) == len(SHORT) - 2


def test_words_of_scripts_without_spaces_are_letters():
    assert minhash.words("Don't go: 这部电影 ｆｉｎｅ") == ["dont", "go", *"这部电影", "fine"]
    assert minhash.words("👍") == ["👍"]


def test_the_groups_are_those_of_every_pair_compared():
    """With a plain loop over all pairs, and sets of strings."""
    draw = random.Random(0)
    texts = [text for text, _ in corpus(60)]
    texts += [rephrased(text, draw, share) for text in texts if len(text.split()) > 5 for share in (0.1, 0.2, 0.3)]

    def items(text: str) -> set[str]:
        words = minhash.words(text)
        pairs = {f"{one} {other}" for one, other in pairwise(words)}
        return {*words, *pairs} if len(words) > 5 else {" ".join(words)}

    alike = np.zeros((len(texts), len(texts)), bool)
    for one, other in combinations(range(len(texts)), 2):
        a, b = items(texts[one]), items(texts[other])
        alike[one, other] = len(a & b) >= 0.5 * len(a | b)
    expected = connected_components(alike, directed=False)[1]
    group_of = minhash.groups(texts, 0.5)
    assert len(set(expected.tolist())) < len(texts) - 50
    assert (group_of[:, None] == group_of).tolist() == (expected[:, None] == expected).tolist()


def test_many_that_are_the_same_are_one_group():
    group_of = groups(*[f"{REVIEW} And this is number {number}" for number in range(3000)], *["Great film!"] * 3000)
    assert [group_of.count(group) for group in dict.fromkeys(group_of)] == [3000, 3000]


def test_no_text_has_copies_where_none_are_looked_for():
    assert groups(REVIEW, REVIEW, similarity=0.0) == [0, 1]


def test_a_split_does_not_tell_what_another_has_of_the_same_text(tmp_path):
    """Labels drawn at random can be known of copies alone: a model scores high where they straddle the splits."""
    scores = []
    for settings in ({"near_copies": 0.0}, {}):
        prepared = prepare(tmp_path / str(len(settings)), six_times(150, random.Random(2)), **settings)
        answers, targets = check(LinearText, {}, "linear").fit(prepared)("test"), prepared.targets("test")
        scores.append(float((answers.argmax(dim=1) == targets).double().mean()))
    assert scores[0] > 0.9
    assert 0.3 < scores[1] < 0.7


def test_near_copies_are_counted_and_stand_in_one_split(tmp_path):
    rows = six_times(50, random.Random(2))
    for near in (0.0, 0.5):
        prepared = prepare(tmp_path / str(near), rows, near_copies=near)
        where, group = homes(prepared), minhash.groups([text for text, _ in rows], 0.5)
        split = [{where[rows[row][0]] for row in np.flatnonzero(group == number)} for number in range(50)]
        across = sum(6 for names in split if len(names) > 1)
        assert (across == 0) == bool(near)
        if not near:
            otherwise = across
    counts = {"similarity": 0.5, "groups": 50, "rows": 300, "largest": 6, "rows_across_splits": 0}
    assert prepared.audit["near_copies"] == {**counts, "rows_across_splits_otherwise": otherwise}


@pytest.mark.parametrize("group", ["", "film"])
def test_near_copies_that_come_later_move_no_other_row(tmp_path, group):
    draw, rows = random.Random(3), corpus(300, films=60 if group else 0)
    more = [(rephrased(f"{text} {text}", draw), *rest) for text, *rest in rows[:100]]
    longer = [(f"{text} {text}", *rest) for text, *rest in rows]
    before = homes(prepare(tmp_path / "before", longer, group=group))
    after = homes(prepare(tmp_path / "after", [*longer, *more], group=group))
    assert {text: after[text] for text in before} == before
    assert all(after[copy] == after[text] for (copy, *_), (text, *_) in zip(more, longer, strict=False))


def test_a_near_copy_joins_two_groups_unless_it_is_short(tmp_path):
    """Of different customers few say much in the same words, but many say little in the same."""
    rows = [(f"{text} {text}", label, f"customer {n}") for n, (text, label) in enumerate(corpus(300))]
    rows += [(REVIEW + "!" * n, 1, f"customer {n}") for n in range(2)]
    rows += [("Great film" + "!" * n, 1, f"customer {n + 100}") for n in range(40)]
    prepared = prepare(tmp_path, rows, group="film")
    where = homes(prepared)
    assert len({split for text, split in where.items() if text.startswith("Eleven")}) == 1
    great = [split for text, split in where.items() if text.startswith("Great")]
    assert set(great) == set(SPLITS)
    assert prepared.audit["near_copies"]["rows_across_splits"] == 40
    homes_of = {customer: {where[text] for text, _, of in rows if of == customer} for *_, customer in rows}
    assert all(len(home) == 1 for home in homes_of.values())


def test_groups_are_joined_through_any_chain_of_them():
    keys = ["a", "b", "b", "c", "d", "c", "e"]
    copies = np.array([0, 0, 1, 1, 2, 3, 4])
    assert review_groups.united(keys, copies) == ["a", "a", "a", "a", "d", "a", "e"]


def test_near_copies_of_the_official_test_split_leave_training(tmp_path):
    source = tmp_path / "folder"
    source.mkdir()
    rows, test = corpus(300), [(f"{text} {text}", label) for text, label in corpus(40, seed=1)]
    copies = [(f"{text} www.example.org", label) for text, label in test[:3]]
    write_csv(source / "train.csv", [*rows, *copies])
    write_csv(source / "test.csv", test)
    prepared = prepare(tmp_path, source)
    assert prepared.texts("test") == [text for text, _ in test]
    assert prepared.audit["dropped"]["near_official_test"] == 3
    assert sum(prepared.audit["rows"].values()) == 340


def test_a_similarity_that_cannot_be_looked_for_is_refused():
    assert check(Sentiment, {"near_copies": 0}, "tasks.mine").near_copies == 0
    with pytest.raises(InputError, match=r"near_copies must be 0, or from 0.4 to 1, not 0.3"):
        check(Sentiment, {"near_copies": 0.3}, "tasks.mine")


def test_a_served_network_does_without_the_library():
    code = "import sys, pipeline.services.sentiment; assert 'rensa' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
