"""The evidence stage on a tiny task: what it runs, what it says, that it goes on after a kill."""

import json

import pytest

from pipeline import evidence, fetch, prepare, sweep
from pipeline.challenges.initialization import factorial
from pipeline.common import InputError, files, paths
from pipeline.reporting import sections
from pipeline.training.choice import Choice

SETTINGS = {
    "seed": 3,
    "tasks": {
        "near": {"kind": "recall", "lag": 20, "examples": 200, "held_out": 40, "epochs": 3, "steps_per_epoch": 4}
        | {"batch_size": 16, "parameters": 800}
    },
    "architectures": {"rnn": {"choice": {"initializer": "orthogonal"}}},
    "model": {"embedding": 8},
    "train": {"device": "cpu"},
    "evidence": {
        "tasks": ["near"],
        "repeats": 8,
        "epochs": 1,
        "steps_per_epoch": 2,
        "initializers": ["deck", "orthogonal"],
        "clippings": {"none": None, "norm": 0.5},
        "learning_rates": {"sgd": [0.1, 1e30], "adamw": [0.001]},
    },
}


@pytest.fixture
def near(project):
    def write(**changes):
        root = project(**{**SETTINGS, "evidence": {**SETTINGS["evidence"], **changes}})
        if not paths.prepared("near").exists():
            fetch.main("near")
            prepare.main("near")
            sweep.main("near")
            files.write_json(paths.finalists("near"), {"rnn": [Choice(initializer="orthogonal").model_dump()]})
        return root

    return write


def test_every_cell_is_tuned_and_trained_on_the_same_fresh_seeds(near):
    near()
    evidence.main("near")
    found = files.read_json(paths.evidence("smoke", "near"))
    assert len(found["cells"]) == 2 * 2 * 2
    assert found["seeds"] == [4, 5, 6, 7, 8, 9, 10, 11]  # 3 is what learning rates were found on
    assert {cell["learning_rate"] for cell in found["cells"] if cell["optimizer"] == "sgd"} == {0.1}
    assert all(len(cell["losses"]) == 8 and cell["diverged"] == 0 for cell in found["cells"])
    assert [test["factor"] for test in found["factors"]] == ["initializer", "clipping"] * 2
    assert [entry["contender"] for entry in found["contenders"]] == ["default", "deck", "stated", "swept 1"]
    stated, swept = found["contenders"][2:]
    assert stated["over_seeds"] == swept["over_seeds"]  # the same choice
    assert all(0 <= test["p"] <= test["p_corrected"] <= 1 for test in found["factors"])


def test_a_single_learning_rate_is_not_searched(near):
    near()
    evidence.main("near")
    (kept,) = paths.WORK.glob("evidence-*.jsonl")
    keys = [json.loads(line)[0] for line in kept.read_text().splitlines()]
    on_first_seed = [key for key in keys if json.loads(key)[-1] == 3]
    assert len(on_first_seed) == 2 * 4  # two rates of sgd in each of its four cells, none of adamw


def test_it_repeats_and_trains_nothing_twice(near, monkeypatch):
    near()
    evidence.main("near")
    before = paths.evidence("smoke", "near").read_bytes()
    (kept,) = paths.WORK.glob("evidence-*.jsonl")
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:-3]) + lines[-3][:20])  # as a kill would leave it
    evidence.main("near")
    assert paths.evidence("smoke", "near").read_bytes() == before
    assert sorted(kept.read_text().splitlines(keepends=True)) == sorted(lines)

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(factorial, "_train", refuse)
    evidence.main("near")
    assert paths.evidence("smoke", "near").read_bytes() == before


def test_the_page_says_whether_it_mattered(near):
    near()
    evidence.main("near")
    told = sections.section("evidence", [files.read_json(paths.evidence("smoke", "near"))])
    for words in ("Under sgd, the initializer", "Under adamw, the clipping", "stated", "swept 1", "8 seeds"):
        assert words in told


def test_few_seeds_quote_no_p(near):
    near(repeats=2)
    evidence.main("near")
    assert "too few seeds to say" in sections.section("evidence", [files.read_json(paths.evidence("smoke", "near"))])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"initializers": ["orthogonl"]}, "no initializer named 'orthogonl'"),
        ({"clippings": {"norms": 1.0}}, "no clipping named 'norms'"),
        ({"learning_rates": {"adam": [0.1]}}, "no optimizer named 'adam'"),
        ({"learning_rates": {"sgd": []}}, "learning_rates.sgd"),
        ({"clippings": {"norm": None}}, "every clipping needs a threshold, except none"),
        ({"initializers": ["orthogonal", "orthogonal"]}, "one is named twice"),
        ({"learning_rates": {}}, "learning_rates is empty"),
        ({"repeats": 1}, "evidence.repeats"),
    ],
)
def test_a_mistake_is_told(near, changes, told):
    near(**changes)
    with pytest.raises(InputError, match=told):
        evidence.main("near")
