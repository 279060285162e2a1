"""JSON files are what their types say, key by key: those that git keeps, and those that a small project writes."""

import json
from pathlib import Path

import operated
import pytest
import yaml
from typed_records import mistakes

from pipeline import drift, evaluate, promote
from pipeline.challenges.claims.records import ClaimRecord
from pipeline.challenges.initialization.records import EvidenceReport
from pipeline.challenges.remedies.records import RemedyReport
from pipeline.challenges.shared.convergence_records import ConvergenceReport
from pipeline.challenges.shared.gradient_records import GradientReport
from pipeline.challenges.shared.memory_records import MemoryReport
from pipeline.challenges.shared.speed_records import SpeedReport
from pipeline.common import files, paths
from pipeline.common.machine import Machine
from pipeline.common.records import Audit, Description, Learned, RunRecord, Source
from pipeline.evaluation.records import Headline, Metrics, is_current
from pipeline.jobs import summary
from pipeline.jobs.records import TaskScores
from pipeline.monitoring.records import DriftRecord
from pipeline.promotion.records import Decision
from pipeline.provenance import snapshots
from pipeline.provenance.records import Snapshot
from pipeline.services.records import Reference, Seen
from pipeline.tracking import isolated, registry

ROOT = Path(__file__).parent.parent
REPORTS = {
    "benchmark": SpeedReport,
    "claims": list[ClaimRecord],
    "convergence": ConvergenceReport,
    "diagnose": GradientReport,
    "memory": MemoryReport,
    "remedies": RemedyReport,
}
KEPT = {
    ROOT / folder / f"{name}.json": kind for folder in ("reports", "reports/full") for name, kind in REPORTS.items()
}
KEPT |= dict.fromkeys((ROOT / "reports/evidence").glob("*/*.json"), EvidenceReport)
KEPT |= dict.fromkeys((ROOT / "reports").glob("*/metrics.json"), Metrics)


@pytest.mark.parametrize("path", [path for path in KEPT if path.exists()], ids=lambda path: str(path.relative_to(ROOT)))
def test_what_git_keeps_is_what_its_type_says(path):
    content = json.loads(path.read_text())
    if KEPT[path] is Metrics and not is_current(content):
        pytest.skip("an older version wrote it")
    assert mistakes(content, KEPT[path]) == []


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A project with a champion of texts and of a series, evaluated, compared with its data, and kept."""
    root = tmp_path_factory.mktemp("records")
    with operated.project(root, mine=operated.REVIEWS, load=operated.LOAD), pytest.MonkeyPatch.context() as patch:
        only_gru = {"architectures": {"gru": operated.GRU}, "sweep": {"tasks": []}}
        files.write_text(paths.PARAMS, yaml.safe_dump(yaml.safe_load(paths.PARAMS.read_text()) | only_gru))
        patch.setattr(isolated, "ask", operated.answer_here)
        patch.setattr(isolated, "answers", lambda uri, requests: operated.answer_here(uri, requests).answers)
        operated.write_reviews()
        operated.write_load()
        for task in ("mine", "load"):
            operated.run(task)
        evaluate.main("mine")  # after all training: no process may begin beside threads that computed
        for task in ("mine", "load"):
            promote.main(task)
        drift.main()
        operated.give_to_dvc(root)
        for task in ("mine", "load"):
            snapshots.write(task)
        learned = [registry.artifact(registry.champion(task), "learned") for task in ("mine", "load")]
        yield root, learned, summary.scores("mine")


FILES = {
    "data/raw/*/source.json": Source,
    "data/prepared/*/audit.json": Audit,
    "data/prepared/*/learned.json": Learned,
    "models/*/gru/model.json": Description,
    "models/*/gru/run.json": RunRecord,
    "reports/*/metrics.json": Metrics,
    "reports/*/headline.json": Headline,
    "reports/decisions/*.json": Decision,
    "reports/drift/*.json": DriftRecord,
    "models/champions/*/snapshot.json": Snapshot,
}


@pytest.mark.parametrize("pattern", FILES)
def test_what_is_written_is_what_its_type_says(written, pattern):
    there = sorted(written[0].glob(pattern))
    assert len(there) == (1 if pattern.endswith(("learned.json", "metrics.json", "headline.json")) else 2)
    for path in there:
        assert mistakes(json.loads(path.read_text()), FILES[pattern], path.name) == []


def test_what_a_package_says_of_its_data_is_what_its_type_says(written):
    for learned in written[1]:
        assert mistakes(json.loads((learned / "seen.json").read_text()), Seen) == []
        assert mistakes(json.loads((learned / "reference.json").read_text()), Reference) == []


def test_scores_that_a_retraining_keeps_are_what_their_type_says(written):
    assert mistakes(written[2], TaskScores) == []


def test_a_record_with_another_key_or_type_is_a_mistake():
    whole = {"processor": "one", "cores": 2, "torch": "2"}
    assert mistakes(whole, Machine) == []
    assert mistakes({**whole, "more": 1}, Machine) == [": unknown more"]
    assert mistakes({"processor": "one", "torch": "2"}, Machine) == [": no cores"]
    assert mistakes({**whole, "cores": 2.5}, Machine) == [".cores: 2.5 is no <class 'int'>"]
    assert mistakes({**whole, "gpus": [1]}, Machine) == [".gpus[0]: 1 is no <class 'str'>"]
