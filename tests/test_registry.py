"""The registry and the process that answers for a package: a tiny trained network, a real store."""

import filecmp
import shutil

import operated
import pandas as pd
import pytest

from pipeline.common import InputError, files, paths
from pipeline.tracking import isolated, lineage, registry

TEXTS = pd.DataFrame({"text": ["a lovely superb film", "an awful dull film"]})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with one trained network, in which no test changes what it did not make."""
    with operated.project(tmp_path_factory.mktemp("project"), mine=operated.REVIEWS):
        operated.write_reviews()
        operated.run("mine")
        yield lineage.runs_of("mine", "gru")[3]


def register(trained):
    return registry.register("mine", trained["run_id"], trained["model_id"], {"why": "a test"})


@pytest.fixture
def package(trained, tmp_path):
    """A copy of the package, to be edited."""
    return shutil.copytree(registry.folder(register(trained)), tmp_path / "package")


def test_a_model_is_registered_once_and_bears_aliases(trained):
    version = register(trained)
    assert version == register(trained)
    assert (version.number, version.uri, version.run_id) == (1, "models:/mine/1", trained["run_id"])
    assert version.tags["weights.digest"] == trained["weights_digest"]
    assert version.tags["why"] == "a test"
    assert registry.champion("mine") is None
    registry.move("mine", "champion", 1)
    assert registry.champion("mine") == version
    assert registry.holder("mine", "challenger") is None
    assert registry.versions("mine") == [version]
    weights = registry.artifact(version, "weights.safetensors"), paths.trained("mine", "gru") / "3.safetensors"
    assert filecmp.cmp(*weights, shallow=False)
    assert files.read_json(registry.artifact(version, "model.json"))["seed"] == 3
    assert set(files.read_json(registry.artifact(version, "learned") / "seen.json")) == {"texts"}


def test_a_model_that_the_store_lacks_is_told(trained):
    with pytest.raises(InputError, match="MLflow has no model m-1 of mine: run `pipeline lineage reconcile"):
        registry.register("mine", trained["run_id"], "m-1")


def test_answers_come_in_order_with_the_seconds_of_single_ones(trained):
    found = isolated.ask(register(trained).uri, TEXTS, [(0, 1), (1, 2), (0, 1)])
    assert found.answers["label"].tolist() == ["positive", "negative"]
    assert len(found.seconds) == 3
    assert all(0 < seconds < 5 for seconds in found.seconds)


def test_answers_come_from_the_package_and_not_from_this_tree(package):
    """The package's code is edited so that it says so; this project's is as ever, and importable."""
    code = package / "code/pipeline/services/sentiment.py"
    code.write_text(code.read_text().replace('"probability": likeliest', '"probability": likeliest + 1'))
    nothing = isolated.answers(str(package), pd.DataFrame({"text": ["zzz qqq"]}))
    assert nothing["label"].tolist() == [None]
    assert nothing["probability"].item() > 1.5


def test_a_package_that_lacks_a_module_does_not_find_this_project_s(package):
    code = package / "code/pipeline/services/sentiment.py"
    code.write_text("import pipeline.evaluation.metrics\n" + code.read_text())
    with pytest.raises(InputError, match="package: No module named 'pipeline.evaluation'"):
        isolated.answers(str(package), TEXTS)


def test_a_request_that_cannot_be_answered_is_one_line(trained):
    with pytest.raises(InputError) as error:
        isolated.answers(register(trained).uri, pd.DataFrame({"text": ["good", "  "]}))
    assert str(error.value) == "models:/mine/1: row 2: text is empty; accepted: text"


def test_a_folder_answers_like_a_version(trained, package, monkeypatch):
    expected = isolated.answers(f"models:/{trained['model_id']}", TEXTS)
    monkeypatch.chdir(package.parent)
    pd.testing.assert_frame_equal(isolated.answers("package", TEXTS), expected)


def test_a_package_of_a_store_elsewhere_is_fetched_once(trained, monkeypatch):
    version = register(trained)
    kept = registry.folder(version)
    monkeypatch.setattr(registry, "_on_this_machine", lambda _: None)
    fetched = registry.folder(version)
    assert fetched == registry.PACKAGES / version.model_id
    assert files.digest(fetched / "artifacts") == files.digest(kept / "artifacts")
    monkeypatch.setattr(registry.mlflow.artifacts, "download_artifacts", None)
    assert registry.folder(version) == fetched


def test_a_package_whose_files_are_gone_is_told(trained, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_on_this_machine", lambda _: tmp_path)
    with pytest.raises(InputError, match="models:/mine/1: no package in .*: its files are missing"):
        registry.folder(register(trained))


def test_the_signature_and_weight_of_a_package(trained):
    version = register(trained)
    found = registry.signature(version)
    assert [column["name"] for column in found["inputs"]] == ["text"]
    assert [column["name"] for column in found["outputs"]][:3] == ["label", "abstained", "probability"]
    assert 0.01 < registry.megabytes(version) < 5
