"""Baselines, ensembles and blends in packages: they serve what evaluate scored, and their chain is kept."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import operated
import pytest
import reviews
import torch
import yaml
from safetensors.torch import load_file, save_file
from series_files import everything, prepare as prepare_series, table

from pipeline import promote
from pipeline.baselines import Baseline
from pipeline.baselines.ridge import Ridge
from pipeline.baselines.ridge_by_series import RidgeBySeries
from pipeline.blends import served
from pipeline.common import InputError, files, paths
from pipeline.common.registry import find
from pipeline.promotion import decisions, evaluated, simpler
from pipeline.promotion.paired import Answers, PairedBootstrap
from pipeline.promotion.settings import Promote
from pipeline.provenance import chain, restoration, snapshots
from pipeline.reporting import results
from pipeline.services.shared import scoring
from pipeline.tasks import open_prepared
from pipeline.tracking import isolated, registry

ROOT = Path(__file__).parent.parent
WEIGHTS = {"mine": ("nb_svm", [0.75, 0.75, 0.5]), "load": ("ridge", [0.25, 0.25, 0.5])}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return reviews.prepare(tmp_path_factory.mktemp("reviews"), reviews.corpus(300))


def through_a_file(arrays, place: Path) -> dict[str, torch.Tensor]:
    save_file({name: array.contiguous() for name, array in arrays.items()}, place)
    return load_file(place)


@pytest.mark.parametrize("name", ["constant", "tfidf_logistic_regression", "nb_svm", "nb_trigrams"])
def test_a_baseline_of_texts_predicts_from_its_arrays_what_it_predicted(corpus, tmp_path, name):
    settings = dict(corpus.task.baselines[name])
    baseline = find(Baseline, settings.pop("kind"))(**settings)
    learned = baseline.fit(corpus)
    predict = baseline.served(through_a_file(learned.arrays(), tmp_path / "arrays.safetensors"), corpus.task)
    texts = corpus.texts("test")
    torch.testing.assert_close(predict(texts), learned("test"), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(predict(texts[:1]), learned("test")[:1], atol=1e-5, rtol=1e-5)
    assert predict(["zzz qqq"]).isfinite().all()  # no known term


@pytest.mark.parametrize("labels", [("gone", "seen", "kept")])
def test_baselines_of_three_labels_do_so_too(tmp_path, labels):
    rows = [(f"{text} {labels[number % 3]}", number % 3) for number, (text, _) in enumerate(reviews.corpus(300))]
    prepared = reviews.prepare(tmp_path, rows, labels=labels)
    for name, settings in prepared.task.baselines.items():
        kind = find(Baseline, settings["kind"])
        baseline = kind(**{key: value for key, value in settings.items() if key != "kind"})
        learned = baseline.fit(prepared)
        predict = baseline.served(learned.arrays(), prepared.task)
        torch.testing.assert_close(predict(prepared.texts("test")), learned("test"), atol=1e-5, rtol=1e-5, msg=name)


@pytest.mark.parametrize("targets", [["load"], ["load", "heat"]])
def test_baselines_of_series_predict_from_their_arrays_what_they_predicted(tmp_path, targets):
    prepared = prepare_series(tmp_path, table(), targets=targets, observed=[])
    for name, settings in prepared.task.baselines.items():
        kind = find(Baseline, settings["kind"])
        baseline = kind(**{key: value for key, value in settings.items() if key != "kind"})
        learned = baseline.fit(prepared)
        predict = baseline.served(learned.arrays(), prepared.task)
        torch.testing.assert_close(predict(everything(prepared, "test")), learned("test").float(), msg=name)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Reviews and a series, two seeds of a network for each, evaluated; then a blend is named best on validation."""
    root = tmp_path_factory.mktemp("blended")
    with operated.project(root, mine=operated.REVIEWS, load=operated.LOAD):
        params = yaml.safe_load(Path("params.yaml").read_text())
        params |= {"architectures": {"gru": operated.GRU}, "evaluate": {"resamples": 100}, "sweep": {"tasks": []}}
        params["train"] |= {"seeds": 2}
        Path("params.yaml").write_text(yaml.safe_dump(params))
        operated.write_reviews()
        operated.write_load()
        for task in WEIGHTS:
            operated.run(task)
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            subprocess.run([sys.executable, "-m", "pipeline.evaluate", "--task", task], env=environment, check=True)
            make_best(task)
        yield root


def make_best(task: str, kind: str = "blend") -> None:
    """Names a made-up candidate best on validation."""
    baseline, weights = WEIGHTS[task]
    metrics = files.read_json(paths.metrics(task))
    members = [("gru", 3), ("gru", 4), (baseline, 0)]
    chosen = {"blend": zip(members, weights, strict=True), "baseline": [(members[2], 1.0)]}[kind]
    best = metrics["best_on_validation"]
    name = "blend" if kind == "blend" else baseline
    best |= {"name": name, "kind": kind, "losses": {**best["losses"], name: 0.25}}
    best["members"] = [{"name": name, "seed": seed, "weight": weight} for (name, seed), weight in chosen]
    best["calibration"] = {"temperature": 1.0}
    if task == "load":
        best["calibration"] = {"half_widths": [[0.5]] * 8, "coverage": 0.8}
    files.write_json(paths.metrics(task), metrics)


def blend_of(task: str, outputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """The weighted sum, written out."""
    baseline, weights = WEIGHTS[task]
    parts = [outputs["gru 3"], outputs["gru 4"], outputs[baseline]]
    if task == "mine":
        parts = [part.log_softmax(dim=1) for part in parts]
        return sum(w * p.double() for w, p in zip(weights, parts, strict=True)).log_softmax(dim=1)
    return sum(w * p.double() for w, p in zip(weights, parts, strict=True))


def evaluated_outputs(task: str) -> dict[str, torch.Tensor]:
    """What evaluate wrote of each candidate, in the form of outputs."""
    prepared, read = open_prepared(task), results.read(task, ["gru"])
    outputs = {}
    for name in ("gru", WEIGHTS[task][0]):
        for seed, values in read.predictions(name).outputs.items():
            key = f"gru {seed}" if name == "gru" else name
            answers = torch.from_numpy(values)
            if task == "mine":
                outputs[key] = answers.log()
            else:
                mean, std = (prepared.learned[part]["load"] for part in ("mean", "std"))
                outputs[key] = ((answers - mean) / std)[:, :, None]
    return outputs


@pytest.fixture
def champion(project, request):
    """The blend of a task as champion, judged in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolated, "ask", operated.answer_here)
        patch.setattr(simpler, "outputs", lambda *sides: {})  # these weights are no good ones
        promote.main(request.param)
    return request.param


@pytest.mark.parametrize("champion", WEIGHTS, indirect=True)
def test_the_service_predicts_what_evaluate_would_have_scored(champion):
    """In a process of its own, with the package's code alone."""
    task, prepared = champion, open_prepared(champion)
    version = registry.champion(task)
    assert (version.tags["architecture"], version.tags["kind"]) == ("blend", "blend")
    rows = list(range(20))
    asked = promoted_service(version).requests(prepared, "test", rows)
    answers = isolated.answers(version.uri, asked)
    ours = blend_of(task, evaluated_outputs(task))[rows]
    served_outputs = scoring.read(prepared, "test", rows, answers).outputs
    torch.testing.assert_close(served_outputs.double(), ours, atol=1e-5, rtol=1e-5)


def promoted_service(version):
    from pipeline.services import Service

    description = files.read_json(registry.artifact(version, "model.json"))
    return find(Service, description["kind"])(description, registry.artifact(version, "learned"))


@pytest.mark.parametrize("champion", ["mine"], indirect=True)
def test_a_package_has_arrays_and_json_only(champion):
    folder = registry.folder(registry.champion(champion)) / "artifacts"
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert {"blend.json", "card.md", "model.json", "weights.safetensors"} <= names
    assert {Path(name).suffix for name in names} <= {".json", ".md", ".safetensors"}
    card = (folder / "card.md").read_text()
    assert "# mine: blend (blend)" in card
    assert "* 0.75 times gru, seed 4." in card


@pytest.mark.parametrize("champion", ["mine"], indirect=True)
def test_the_same_blend_is_unchanged_and_another_is_another_version(champion, capsys):
    number = registry.champion(champion).number
    promote.main(champion)
    assert "mine: unchanged: champion stays version" in (told := capsys.readouterr().out)
    assert "the blend that is best on validation is the champion" in told
    make_best("mine", "baseline")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolated, "ask", operated.answer_here)
        promote.main(champion)
    record = decisions.all_records(champion)[-1][1]
    assert record["challenger"]["architecture"] == "nb_svm"
    assert record["challenger"]["weights_digest"] != record["previous"]["weights_digest"]
    assert record["challenger"]["valid_loss"] == 0.25
    assert "simpler" not in [gate["name"] for gate in record["gates"]]
    if record["decision"] == "promoted":
        assert registry.champion(champion).number == number + 1
        promote.main(champion, rollback=True)
    assert registry.champion(champion).number == number
    make_best("mine")


def test_scores_of_other_networks_name_no_challenger(project, capsys):
    metrics = files.read_json(paths.metrics("load"))
    stale = {**metrics, "best_on_validation": {**metrics["best_on_validation"], "networks": {"gru/3": "0"}}}
    prepared = open_prepared("load")
    files.write_json(paths.metrics("load"), stale)
    named = evaluated.evaluated_best("load", {"gru": {}}, prepared)
    assert named.best is None
    assert named.note.startswith("reports/load/metrics.json is of other data or networks than models/load, so only")
    stale["best_on_validation"] = {**metrics["best_on_validation"], "inputs_digest": "0"}
    files.write_json(paths.metrics("load"), stale)
    assert evaluated.evaluated_best("load", {"gru": {}}, prepared) == named
    files.write_json(paths.metrics("load"), {**metrics, "best_on_validation": None})
    assert "names no best candidate" in evaluated.evaluated_best("load", {"gru": {}}, prepared).note
    files.write_json(paths.metrics("load"), metrics)
    assert evaluated.evaluated_best("load", {"gru": {}, "identity": {}}, prepared).best == metrics["best_on_validation"]


def test_a_blend_with_a_member_that_cannot_be_served_names_no_challenger(project, monkeypatch):
    monkeypatch.setattr(Ridge, "servable", False)
    named = evaluated.evaluated_best("load", {"gru": {}}, open_prepared("load"))
    why = "ridge, in the blend that is best on validation, cannot be served, so only networks are considered"
    assert named == (None, why)
    assert not RidgeBySeries.servable
    with pytest.raises(InputError, match="the baseline RidgeBySeries cannot be served"):
        RidgeBySeries().served({}, open_prepared("load").task)


@pytest.mark.parametrize("champion", ["mine"], indirect=True)
def test_weights_of_another_blend_are_refused(champion, tmp_path):
    folder = registry.folder(registry.champion(champion)) / "artifacts"
    blend = files.read_json(folder / "blend.json")
    blend["members"][0]["weight"] = 0.125
    files.write_json(tmp_path / "blend.json", blend)
    with pytest.raises(InputError, match="are of different blends: their weights differ"):
        served.load(tmp_path / "blend.json", folder / "weights.safetensors", open_prepared(champion).task)


@pytest.mark.parametrize("champion", ["mine"], indirect=True)
def test_the_chain_leads_to_each_network_and_is_kept_and_restored(champion, monkeypatch, tmp_path):
    operated.give_to_dvc(Path.cwd())
    from pipeline.common.params import load

    links = "\n".join(chain.follow("mine", load()))
    assert "blend.json: gru seed 3, gru seed 4, nb_svm seed 0; networks as in models/mine" in links
    assert "evaluate@mine: " in links
    assert "train@mine-gru: " in links
    assert snapshots.write("mine").endswith(registry.champion("mine").uri)
    kept = snapshots.read("mine")
    (trained,) = [it for digest, it in kept["trained"].items() if digest == kept["tags"]["weights.digest"]]
    assert trained["stage"] == "evaluate@mine"
    weights = paths.trained("mine", "gru") / "4.safetensors"
    shutil.copy(weights, tmp_path / "kept")
    arrays = load_file(weights)
    save_file({name: array * 1.01 if "readout" in name else array for name, array in arrays.items()}, weights)
    with pytest.raises(chain.Broken, match=r"models/mine/gru/4.safetensors: expected"):
        list(chain.follow("mine", load()))
    shutil.copy(tmp_path / "kept", weights)
    before = isolated.answers(registry.champion("mine").uri, operated_texts())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert "is champion" in restoration.restore("mine")
    after = isolated.answers(registry.champion("mine").uri, operated_texts())
    assert after.equals(before)
    assert "evaluate@mine: " in "\n".join(chain.follow("mine", load()))


def operated_texts():
    import pandas as pd

    return pd.DataFrame({"text": ["a lovely superb film", "an awful dull film"]})


def answers_of(right: torch.Tensor) -> Answers:
    """Labels of which these are right."""
    from pipeline.tasks.shared import score_sums

    outputs = torch.where(right[:, None], torch.tensor([[2.0, -2.0]]), torch.tensor([[-2.0, 2.0]]))
    return Answers(score_sums.label_contributions(outputs, torch.zeros(len(right), dtype=torch.long))[:, None], "same")


def test_what_a_simpler_candidate_beats_with_its_whole_interval_is_refused():
    from pipeline.tasks.sentiment import Sentiment

    rows = torch.arange(1000)
    bootstrap = PairedBootstrap(Sentiment(source="x.csv"), Promote(resamples=200), 1000, 0)
    ours, better, level = (answers_of(rows % 10 >= wrong) for wrong in (3, 1, 3))
    refused = simpler.outcome(bootstrap, ours, {"nb_svm": better, "gru": level})
    assert (refused.name, refused.passed, refused.decides) == ("simpler", False, True)
    assert refused.detail.startswith("nb_svm is better with the entire interval; better than nb_svm by -20.00 points [")
    assert simpler.outcome(bootstrap, better, {"nb_svm": ours}).passed
    assert simpler.outcome(bootstrap, ours, {"gru": level}).passed  # 0 is no loss
