"""The drift command on a tiny project: real files, a real registry, a champion's package."""

import shutil

import operated
import pandas as pd
import pytest
import reviews
import torch

from pipeline import drift, fetch, prepare
from pipeline.common import InputError, files, paths
from pipeline.common.registry import find
from pipeline.services import Service
from pipeline.tasks import open_prepared
from pipeline.tracking import lineage, registry, runs

DAYS = 490  # of the longer series: the spring of the second year, too


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two real tasks with a trained network each, and one that is drawn."""
    tasks = {"mine": operated.REVIEWS, "load": operated.LOAD, "bits": {"kind": "recall"}}
    with operated.project(tmp_path_factory.mktemp("project"), **tasks) as root:
        operated.write_reviews()
        operated.write_load()
        for task in ("mine", "load"):
            operated.run(task)
        shutil.copytree("data", "kept")
        yield root


@pytest.fixture
def trained(made):
    """The same, as it was made: no champion, the first data."""
    for model in runs.client().search_registered_models():
        runs.client().delete_registered_model(model.name)
    for folder in ("data", "reports"):
        files.remove(made / folder)
    shutil.copytree(made / "kept", made / "data")
    return made


def promote(task: str) -> registry.Version:
    ids = lineage.runs_of(task, "gru")[3]
    version = registry.register(task, ids["run_id"], ids["model_id"])
    registry.move(task, "champion", version.number)
    return version


def renewed(task: str) -> dict:
    """What drift says of data that were fetched anew."""
    fetch.main(task)
    prepare.main(task)
    drift.main(task)
    return files.read_json(paths.drift(task))


def append(rows: list[tuple]) -> None:
    table = pd.read_csv(operated.REVIEWS["source"])
    more = pd.DataFrame(rows, columns=list(table))
    pd.concat([table, more]).to_csv(operated.REVIEWS["source"], index=False)


def test_without_a_champion_a_retraining_is_due(trained, capsys):
    drift.main()
    for task in ("mine", "load"):
        found = files.read_json(paths.drift(task))
        assert (found["status"], found["due"], found["champion"]) == ("no_champion", True, None)
    assert not paths.drift("bits").exists()
    assert "mine: 0 new rows, retraining is due: there is no champion yet" in capsys.readouterr().out


def test_the_reference_goes_with_the_package_of_the_seed_that_serves(trained):
    told = {task: registry.artifact(promote(task), "learned") / "reference.json" for task in ("mine", "load")}
    assert all(path.stat().st_size < 1_000_000 for path in told.values())
    reference, prepared = files.read_json(told["mine"]), open_prepared("mine")
    assert reference["texts"] == prepared.audit["rows"]["valid"]
    assert sum(reference["labels"].values()) == prepared.audit["rows"]["train"]
    assert len(reference["aside"]) == 8 * (prepared.audit["rows"]["gate"] + prepared.audit["rows"]["test"])
    series = files.read_json(told["load"])
    assert [block["error"] is None for block in series["blocks"]] == [True] * 9 + [False] * 2  # validation alone


def test_reviews_that_were_set_aside_are_not_new(trained):
    promote("mine")
    drift.main("mine")
    found = files.read_json(paths.drift("mine"))
    assert (found["status"], found["due"], found["new"]) == ("too_few", False, {"rows": 0})


def test_new_reviews_are_compared_by_the_package_itself(trained):
    """First more of the same, then as many others: a real process answers each time."""
    version = promote("mine")
    append(reviews.corpus(1200, seed=5))
    found = renewed("mine")
    rows = open_prepared("mine").audit["rows"]
    assert (found["status"], found["due"]) == ("none", False)
    assert 500 < found["new"]["rows"] < rows["train"] + rows["valid"]
    assert found["champion"] == {"version": version.number, "model_id": version.model_id, "architecture": "gru"}
    assert len(found["tests"]) == 6

    append([(f"zqx {text.replace('b', 'zq')}", label) for text, label in reviews.corpus(1200, seed=6)])
    found = renewed("mine")
    assert (found["status"], found["due"]) == ("drift", True)
    assert {"share of unknown tokens"} <= {test["name"] for test in found["tests"] if test["alarm"]}
    assert any("share of unknown tokens: KS distance" in reason for reason in found["reasons"])


def test_splits_that_are_older_than_the_source_are_told(trained):
    append(reviews.corpus(10, seed=9))
    fetch.main("mine")
    with pytest.raises(InputError, match="mine is older than .*mine: run `dvc repro prepare@mine` first"):
        drift.main("mine")
    prepare.main("mine")


@pytest.fixture
def here(monkeypatch):
    """The package's answers, made in this process: a new one for each takes seconds."""
    from pipeline.architectures.shared.saved import load
    from pipeline.tracking import isolated

    def answers(uri, requests):
        version = registry.champion("load")
        description = files.read_json(registry.artifact(version, "model.json"))
        service = find(Service, "forecast")(description, registry.artifact(version, "learned"))
        with torch.inference_mode():
            return service.answer(requests, load(description, registry.artifact(version, "weights.safetensors")))

    monkeypatch.setattr(isolated, "answers", answers)


def test_rows_after_the_last_that_taught_are_new(trained, here):
    promote("load")
    drift.main("load")
    found = files.read_json(paths.drift("load"))
    assert found["new"] == {"rows": 50 * 8, "from": "2020-03-21T00:00:00", "to": "2020-05-09T21:00:00"}
    assert (found["status"], found["due"]) == ("too_few", False)  # two weeks of March, the rest unseen
    assert any("April, May, not in the training data" in reason for reason in found["reasons"])


def test_a_later_year_is_compared_with_the_same_time_of_year(trained, here):
    promote("load")
    operated.write_load(DAYS)
    found = renewed("load")
    assert (found["status"], found["due"]) == ("none", False)
    assert [test["name"] for test in found["tests"]][:3] == ["level", "season profile", "noise"]
    assert any("unseen season" in reason for reason in found["reasons"])

    table = pd.read_csv(operated.LOAD["source"])
    table.loc[table["time"] > "2020-12-31", "load"] *= 1.1
    table.to_csv(operated.LOAD["source"], index=False)
    found = renewed("load")
    assert (found["status"], found["due"]) == ("drift", True)
    assert "level" in {test["name"] for test in found["tests"] if test["alarm"]}


def test_mistakes_are_told_in_one_line(trained):
    with pytest.raises(InputError, match="task 'bits' is drawn at random and cannot drift; real tasks: mine, load"):
        drift.main("bits")
    with pytest.raises(InputError, match="no task named 'nine'"):
        drift.main("nine")
    reference = registry.artifact(promote("mine"), "learned") / "reference.json"
    kept = reference.read_bytes()
    reference.unlink()
    with pytest.raises(InputError, match="models:/mine/1 has no learned/reference.json: .* train and promote again"):
        drift.main("mine")
    reference.write_bytes(kept)
