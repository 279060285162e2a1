"""Which code decides a task: the files of its kind, and what follows when one of them changes."""

from pathlib import Path

import yaml

from pipeline import fetch, prepare
from pipeline.common import code, files, paths
from pipeline.common.params import load
from pipeline.training.inputs import all_that_decides

ROOT = Path(__file__).parent.parent
SMALL = {"lag": 30, "examples": 20, "held_out": 10, "epochs": 1, "steps_per_epoch": 1}


def test_a_kind_is_decided_by_its_own_files_alone():
    forecast, sentiment = (code.digests(f"pipeline.tasks.{kind}") for kind in ("forecast", "sentiment"))
    assert {"pipeline/tasks/__init__.py", "pipeline/tasks/forecast.py", "pipeline/tasks/series/reading.py"} <= {
        *forecast
    }
    assert "pipeline/tasks/shared/tables/layout.py" in forecast.keys() & sentiment.keys()
    assert not any("/text/" in name or "sentiment" in name for name in forecast)
    assert not any("/series/" in name or "forecast" in name for name in sentiment)
    assert all(Path(name).parts[:2] == ("pipeline", "tasks") for name in forecast)


def test_an_edit_of_one_kind_changes_its_digests_alone(tmp_path, monkeypatch):
    for name in code.digests("pipeline.tasks.recall") | code.digests("pipeline.tasks.sine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(code, "ROOT", tmp_path)
    recall, sine = code.digests("pipeline.tasks.recall"), code.digests("pipeline.tasks.sine")
    (tmp_path / "pipeline/tasks/recall.py").write_text("from pipeline.tasks.shared import drawn\n")
    assert code.digests("pipeline.tasks.recall") != recall
    assert code.digests("pipeline.tasks.sine") == sine


def test_a_task_whose_kind_is_its_name_has_its_code_beside_its_data(project):
    """Stages of one task depend on that file, not on every kind's code."""
    project(tasks={"recall": SMALL}, architectures={"gru": None})
    fetch.main("recall")
    prepare.main("recall")
    assert files.read_json(paths.code("recall")) == code.digests("pipeline.tasks.recall")
    before = all_that_decides("recall", "gru", load())
    assert before == all_that_decides("recall", "gru", load())
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for stage in ("sweep", "train", "evaluate", "evidence"):
        assert "data/code/${item.task}.json" in stages[stage]["deps"]
        assert "pipeline/tasks" not in stages[stage]["deps"]
