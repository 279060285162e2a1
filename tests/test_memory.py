"""The memory stage on tiny tasks: what it measures, that it goes on after a kill, what it says and refuses."""

import pytest

from pipeline import memory
from pipeline.challenges.memory import experiment as measured
from pipeline.challenges.memory.experiment import needed
from pipeline.challenges.memory.variants import LAG, PUBLISHED, VARIANTS, make
from pipeline.challenges.shared.lag_figures import needed as sequences_chart
from pipeline.common import InputError, files, paths
from pipeline.reporting import sections

SETTINGS = {
    "seed": 3,
    "architectures": {
        "gru": {"choice": {"initializer": "chrono", "clipping": "norm", "learning_rate": 0.01}},
        "lstm": {},
        "identity": {},
    },
    "model": {"embedding": 8},
    "train": {"device": "cpu"},
    "memory": {
        "parameters": 800,
        "batch_size": 16,
        "seeds": 2,
        "eval_every": 320,
        "eval_sequences": 100,
        "problems": [
            {
                "task": "recall",
                "variant": "bits",
                "lags": [3, 5],
                "max_sequences": 2560,
                "architectures": ["gru", "identity"],
            },
            {"task": "recall", "variant": "1997", "lags": [100], "max_sequences": 32, "architectures": ["lstm"]},
            {
                "task": "copy_memory",
                "variant": "usual",
                "lags": [2],
                "max_sequences": 32,
                "architectures": ["gru"],
                "guessed": False,
            },
        ],
        "guessing": {"units": 1, "trials": 100},
    },
}
RECALL = {"task": "recall", "variant": "bits", "lags": [3], "max_sequences": 32}


@pytest.fixture
def write(project):
    return lambda **changes: project(**{**SETTINGS, "memory": {**SETTINGS["memory"], **changes}})


def test_every_network_is_measured_on_the_same_seeds_and_told(write, capsys):
    write()
    memory.main()
    found = files.read_json(paths.findings("memory"))
    assert found["seeds"] == [4, 5]
    rows = {(row["task"], row["variant"], row["lag"], row["architecture"]): row for row in found["rows"]}
    assert len(rows) == 2 * 3 + 2 + 1
    assert len(paths.curves("memory").read_text().splitlines()) == 1 + len(rows)
    for lag in (3, 5):
        gru, alone = rows["recall", "bits", lag, "gru"], rows["recall", "bits", lag, "identity"]
        assert (gru["solved"], gru["share"]["mean"], alone["solved"]) == (2, 1.0, 0)
        assert gru["share"]["low"] == pytest.approx(0.3424, abs=1e-4)  # two of two say little
        assert 320 <= gru["sequences"]["median"] <= 2560
        assert alone["sequences"] == {"median": None, "by_seed": [None, None]}
        guessed = rows["recall", "bits", lag, "guessing"]
        assert guessed["solved"] == 2
        assert all(0 < trials <= 100 for trials in guessed["trials"]["by_seed"])
    assert rows["copy_memory", "usual", 2, "gru"]["solved"] == 0
    assert found["criteria"]["recall 1997"] == {"measure": "largest_error", "threshold": 0.25, "eval_sequences": 2000}
    assert found["criteria"]["recall bits"]["eval_sequences"] == 100
    assert [(point["lag"], point["sequences"]) for point in found["published"]] == [(100, 5040), (1000, 49000)]
    printed = capsys.readouterr().out
    assert "recall (bits) at lag 3: gru         solved by 2 of 2 seeds, median of" in printed
    assert "identity    solved by 0 of 2 seeds\n" in printed
    told = sections.section("memory", [found])
    for part in (
        "Recall at lag 3: solved with every seed by gru.",
        "Recall, 1997 variant at lag 100, lstm: unsolved by most (0 of 2 seeds); published: 5,040",
        "Copy memory at lag 2: solved with no seed by gru.",
        "largest absolute error below 0.25",
        "at least 99% of predictions are right",
    ):
        assert part in told
    assert sections.page("memory", found).count("<script") >= 2


def test_without_problems_there_is_nothing_to_measure_and_the_page_says_so(write, capsys):
    write(problems=[])
    memory.main()
    results = files.read_json(paths.findings("memory"))
    assert results["rows"] == []
    assert "memory.problems is empty" in capsys.readouterr().out
    shown = sections.section("memory", [results])
    assert "Not measured: memory.problems in params.yaml is empty." in shown
    assert "<table" not in shown
    assert sections.page("memory", results)


def test_it_goes_on_after_a_kill_and_trains_nothing_twice(write, monkeypatch):
    write(problems=[{**RECALL, "max_sequences": 640}])
    memory.main()
    before = files.read_json(paths.findings("memory"))
    (kept,) = paths.WORK.glob("memory-*.jsonl")
    lines = kept.read_text().splitlines(keepends=True)
    assert len(lines) == 2 * 4
    kept.write_text("".join(lines[:-3]) + lines[-3][:20])  # as a kill would leave it
    memory.main()
    after = files.read_json(paths.findings("memory"))
    for found in (before, after):
        for row in found["rows"]:
            del row["seconds"]
    assert after == before
    monkeypatch.setattr(measured, "_work", lambda *job: pytest.fail("it was done"))
    memory.main()
    assert len(kept.read_text().splitlines()) == len(lines)


def test_another_setting_is_another_network(write):
    write(problems=[RECALL])
    first, settings = measured._digest, {**SETTINGS, "scale": "smoke"}
    changed = {**settings, "memory": {**SETTINGS["memory"], "parameters": 900}}
    assert first(settings) != first(changed)
    fewer = {**settings, "memory": {**SETTINGS["memory"], "seeds": 1, "problems": []}}
    assert first(settings) == first(fewer)  # fewer of the same


def test_published_points_stand_beside_their_variant_alone(write):
    row = {"task": "recall", "variant": "1997", "lag": 100, "architecture": "lstm", "seeds": 2, "solved": 2}
    row["sequences"] = {"median": 6400, "by_seed": [5120, 7680]}
    (point, *_) = PUBLISHED
    with_star = sequences_chart("recall", [row], [point], 1280).figure
    without = sequences_chart("recall", [row], [], 1280).figure
    stars = [trace for trace in with_star.data if trace.marker.symbol == "star"]
    assert [(*trace.x, *trace.y) for trace in stars] == [(100, 5040)]
    assert len(without.data) == len(with_star.data) - 1
    assert {(p["task"], p["variant"]) for p in PUBLISHED} <= {(t, v) for t, every in VARIANTS.items() for v in every}


def test_a_seed_that_never_solves_it_counts_as_more_than_any():
    assert needed([300, None, 100])["median"] == 300
    assert needed([None, None, 100])["median"] is None
    assert needed([100, None])["median"] is None
    assert needed([100, 300])["median"] == 200


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, every in VARIANTS.items() for name in every])
def test_every_variant_is_a_task_with_the_lag_that_was_asked(task, name):
    settings = measured.Memory(parameters=700, batch_size=4)
    made = make(measured.Problem(task=task, variant=name, lags=[40], max_sequences=1), 40, settings)
    assert getattr(made, LAG[task]) == 40
    assert (made.parameters, made.batch_size) == (700, 4)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"problems": [{**RECALL, "task": "recal"}]},
            "no drawn task with a lag named 'recal'; there are: recall, adding",
        ),
        ({"problems": [{**RECALL, "task": "sentiment"}]}, "no drawn task with a lag named 'sentiment'"),
        ({"problems": [{**RECALL, "variant": "1998"}]}, "no variant of recall named '1998'; there are: bits, 1997"),
        (
            {"problems": [{**RECALL, "architectures": ["gruu"]}]},
            r"memory.problems\[0\].architectures\[0\]: no architecture named 'gruu'; there are: gru, lstm",
        ),
        (
            {"problems": [{**RECALL, "task": "temporal_order", "variant": "usual", "lags": [10]}]},
            "temporal_order.steps: .*got 10",
        ),
        (
            {"problems": [{**RECALL, "lags": [100_000]}]},
            r"memory.problems\[0\].lags\[0\]: .*less than or equal to 10000, got 100000",
        ),
        ({"problems": [{**RECALL, "lags": [0]}]}, r"lags\[0\]: .*greater than 0, got 0"),
        ({"problems": [{**RECALL, "lags": []}]}, "lags: .*at least 1 item"),
        ({"problems": [RECALL, RECALL]}, r"recall \(bits\) at lag 3 occurs twice"),
        ({"parameters": 10, "problems": [RECALL]}, "parameters: 10 is too few for GRU"),
        ({"guessing": {"reach": 0}}, "guessing.reach: .*greater than 0"),
        ({"lags": [3]}, "memory.lags: unknown setting; accepted: parameters, batch_size"),
    ],
)
def test_a_mistake_is_told_before_anything_is_trained(write, monkeypatch, changes, told):
    write(**changes)
    monkeypatch.setattr(measured.ResultCache, "run", None)
    with pytest.raises(InputError, match=told) as error:
        memory.main()
    assert "\n" not in str(error.value)
