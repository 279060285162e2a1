"""Films told from rare names and the order of the rows: planted ones are found, and never mixed up much."""

import random

import numpy as np
import pytest
from scipy.sparse import csr_array

from pipeline.tasks.text import film_groups


def mentions(rows: list[str]) -> csr_array:
    """A row for each string, a column for each letter."""
    letters = sorted(set("".join(rows)))
    return csr_array(np.array([[letter in row for letter in letters] for row in rows], float))


def planted(films: int, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Reviews of made-up films, sorted by label, each film's together in it; the labels; and the films."""
    draw = random.Random(seed)
    names = [draw.choice("BDGKLM") + "".join(draw.choices("aeioulnrst", k=7)) for _ in range(8 * films)]
    rows = []
    for label in (0, 1):
        for film in draw.sample(range(films), films):
            for _ in range(draw.randint(1, 8)):
                said = draw.sample(names[8 * film : 8 * film + 8], 4) + draw.sample(["Hollywood", "London", "Oscar"], 1)
                rows.append(("I saw " + " and saw ".join(said) + " there.", label, film))
    texts, labels, which = zip(*rows, strict=True)
    return list(texts), np.array(labels), np.array(which)


def test_names_are_capitalised_words_within_sentences():
    texts = ["The film of Lucille and Desi. Great fun", "Poor Lucille! Great, said Desi", "LUCILLE and great fun"]
    assert film_groups.names(texts).toarray().tolist() == [[1, 1], [1, 1], [0, 0]]  # Desi, Lucille


def test_a_name_speaks_for_a_film_the_more_the_rarer_it_is():
    found = film_groups.evidence(mentions(["ab", "a"] + ["a"] * 98))
    assert found == pytest.approx([0, np.log(0.3 / 0.01)])


def test_rows_are_cut_where_they_stop_sharing_names():
    rows = mentions(["ab", "b", "ac", "de", "", "ef", "g"])
    weighted = rows.multiply(np.full(rows.shape[1], 2.0)[None]).tocsr()
    assert film_groups.cut(weighted).tolist() == [0, 0, 0, 1, 1, 1, 2]


def test_the_cut_holds_the_most_evidence_of_all_cuts():
    random_rows = np.random.default_rng(0).random((9, 4)) * (np.random.default_rng(1).random((9, 4)) < 0.4)
    alike = random_rows @ random_rows.T - film_groups.DOUBT

    def evidence(runs: list[int]) -> float:
        return sum(alike[i, j] for i in range(9) for j in range(i) if runs[i] == runs[j])

    cuts = [np.cumsum([0, *(number >> bit & 1 for bit in range(8))]).tolist() for number in range(256)]
    assert evidence(film_groups.cut(csr_array(random_rows)).tolist()) == pytest.approx(max(map(evidence, cuts)))


def test_no_run_is_longer_than_a_film_has_reviews():
    runs = film_groups.cut(csr_array(np.ones((70, 1))))
    assert np.bincount(runs).max() == film_groups.LONGEST


def test_planted_films_are_found_across_labels():
    texts, labels, which = planted(60)
    found = film_groups.films(film_groups.names(texts), labels)
    together = found[:, None] == found
    truth = which[:, None] == which
    assert (together & truth).sum() / truth.sum() > 0.95
    assert (together & truth).sum() / together.sum() > 0.95
    assert len({(film, label) for film, label in zip(found, labels, strict=True)}) > len(set(found))


def test_a_review_without_names_is_of_the_film_of_those_around_it():
    cast = "It has Aaaa, Bbbb and Cccc in it"
    texts = [cast, cast, "so dull", cast, cast, *["It has Dddd in it"] * 2, *["another one"] * 40]
    found = film_groups.films(film_groups.names(texts), np.zeros(len(texts), int))
    assert len(set(found[:5].tolist())) == 1
    assert found[5] == found[6] != found[0]


def test_joining_stops_at_the_largest_group():
    texts = ["It has Aaaa and Bbbb in it"] * 150 + ["It has no names"] * 1000
    labels = np.arange(1150) % 2
    sizes = np.bincount(film_groups.films(film_groups.names(texts), labels))
    assert sizes.max() == film_groups.LARGEST  # not 150, though all share their names


def test_texts_without_names_are_films_of_their_own():
    found = film_groups.films(film_groups.names(["no names here", "none at all", "nor in this"]), np.array([0, 0, 1]))
    assert len(set(found.tolist())) == 3


def test_rows_that_share_names_with_training_are_counted():
    rows = mentions(["abc", "abd", "xyz", "abc", "xy"])
    held_out, training = np.array([1, 1, 1, 0, 0], bool), np.array([0, 0, 0, 1, 1], bool)
    assert film_groups.shared(rows, held_out, training) == pytest.approx(1 / 3)  # abc alone shares three
