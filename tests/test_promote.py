"""promote on tiny projects: real packages in a real registry, changed one by one, and what each change leads to."""

import json
import shutil
from pathlib import Path

import operated
import pytest
import torch
import yaml

from pipeline import promote
from pipeline.architectures.shared.saved import load
from pipeline.common import InputError, files, paths
from pipeline.jobs import summary
from pipeline.promotion import challenger, decisions, judge
from pipeline.provenance import restoration, snapshots
from pipeline.services.sentiment import digest_of
from pipeline.tasks import open_prepared
from pipeline.tracking import isolated, models, registry, runs
from pipeline.training.loader import Loader
from pipeline.training.step import predict


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A project with a network trained on reviews and one on a series."""
    with operated.project(tmp_path_factory.mktemp("project"), mine=operated.REVIEWS, load=operated.LOAD) as root:
        operated.write_reviews()
        operated.write_load()
        for task in ("mine", "load"):
            operated.run(task)
        for place in ("models", "mlartifacts"):
            shutil.copytree(place, f"kept/{place}")
        yield root


@pytest.fixture
def fresh(both):
    """As it was trained: no version, no decision."""
    files.remove(paths.decisions())
    for place in ("models", "mlartifacts"):
        files.remove(Path(place))
        shutil.copytree(f"kept/{place}", place)
    for model in runs.client().search_registered_models():
        runs.client().delete_registered_model(model.name)
    return both


@pytest.fixture
def here(fresh, monkeypatch):
    """The same, with answers given in this process."""
    monkeypatch.setattr(isolated, "ask", operated.answer_here)
    return fresh


def champion(task: str = "mine") -> int | None:
    version = registry.champion(task)
    return version.number if version else None


def last(task: str = "mine") -> dict:
    return decisions.all_records(task)[-1][1]


def gate_of(record: dict, name: str) -> dict:
    return next(one for one in record["gates"] if one["name"] == name)


def accuracy_of_kept(flip: bool) -> float:
    """Computed here without packages, requests or services: the prepared gate split and the weights alone."""
    prepared, folder = open_prepared("mine"), Path("kept/models/mine/gru")
    model = load(files.read_json(folder / "model.json"), folder / "3.safetensors")
    outputs = predict(model, Loader(prepared.task, prepared.columns("gate"), 0, torch.device("cpu")))
    right = (outputs.argmax(1) == prepared.targets("gate")).double().mean().item()
    return 1 - right if flip else right


@pytest.fixture
def first(fresh):
    """First champions, who answered in this process; whoever answers next has one of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolated, "ask", operated.answer_here)
        for task in ("mine", "load"):
            promote.main(task)


def test_a_worse_challenger_and_the_champion_answer_in_processes_of_their_own(capsys, first):
    record = last()
    assert (record["decision"], record["previous"], record["to"]["version"]) == ("promoted", None, 1)
    assert gate_of(record, "better_than_constant")["passed"]
    assert champion() == 1
    assert "mine: promoted: champion is version 1, was vacant" in capsys.readouterr().out
    operated.renew("mine", flip=True)
    promote.main("mine")
    record = last()
    assert (record["decision"], champion(), registry.holder("mine", "challenger").number) == ("refused", 1, 2)
    assert [g["name"] for g in record["gates"] if g["decides"] and not g["passed"]] == ["non_inferior"]
    assert record["scores"]["champion"]["accuracy"]["value"] == pytest.approx(accuracy_of_kept(flip=False))
    assert record["scores"]["challenger"]["accuracy"]["value"] == pytest.approx(accuracy_of_kept(flip=True))
    assert set(record["scores"]) == {"champion", "challenger", gate_of(record, "strongest_baseline")["numbers"]["name"]}
    for side in record["scores"].values():
        assert side["accuracy"]["low"] <= side["accuracy"]["value"] <= side["accuracy"]["high"]
    assert 0 < gate_of(record, "latency")["numbers"]["p95_seconds"] < 1
    assert 0 < gate_of(record, "size")["numbers"]["megabytes"] < 5
    assert record["gate"]["rows"] == open_prepared("mine").audit["rows"]["gate"]

    tags = registry.holder("mine", "challenger").tags
    assert (tags["decision"], tags["decision.record"]) == ("refused", decisions.all_records("mine")[-1][0].name)
    kept = runs.client().list_artifacts(registry.holder("mine", "challenger").run_id, "decisions")
    assert [Path(one.path).name for one in kept] == [tags["decision.record"]]


def test_a_forecast_is_judged_on_windows_after_the_training_of_both(first):
    assert last("load")["decision"] == "promoted"
    operated.renew("load")
    seen = registry.artifact(registry.champion("load"), "learned") / "seen.json"
    files.write_json(seen, {"until": "2020-03-31T00:00:00"})
    promote.main("load")
    record = last("load")
    assert (record["decision"], champion("load")) == ("promoted", 2)
    first, end = open_prepared("load").audit["borders"]["gate"]
    assert record["gate"]["rows"] == (end - first) - 8 * 10 - 8 + 1  # ten days of eight rows are left out
    scores = record["scores"]
    assert scores["champion"]["mae"]["value"] == pytest.approx(scores["challenger"]["mae"]["value"], rel=1e-2)
    assert scores["champion"]["mae"]["value"] != scores["challenger"]["mae"]["value"]
    assert 0.4 < gate_of(record, "sureness")["numbers"]["challenger"]["coverage"] < 1
    assert {"night", "morning", "weekend"} <= set(gate_of(record, "slices")["numbers"]["slices"])


def test_a_champion_that_saw_the_whole_gate_span_cannot_be_compared(here):
    promote.main("load")
    operated.renew("load")
    files.write_json(registry.artifact(registry.champion("load"), "learned") / "seen.json", {"until": "2021-01-01"})
    promote.main("load")
    assert (last("load")["decision"], champion("load")) == ("refused", 1)
    assert last("load")["reasons"] == [
        "enough: 0 gate rows are later than the data used to train or choose the models; needed: 50 or more"
    ]


def test_an_identical_model_moves_nothing_and_says_so(here, capsys):
    promote.main("mine")
    promote.main("mine")
    told = "the network that is best on validation (gru seed 3) is the champion"
    assert (last()["decision"], last()["reasons"], champion()) == ("unchanged", [told], 1)
    assert told in capsys.readouterr().out
    assert len(registry.versions("mine")) == 1


def test_an_equal_model_with_other_weights_is_promoted_but_not_superior(here):
    promote.main("mine")
    operated.renew("mine")
    set_rule("superior")
    promote.main("mine")
    assert (last()["decision"], champion()) == ("refused", 1)
    assert last()["reasons"][0].startswith("superior: better than the champion by 0.00 points [0.00, 0.00]")
    set_rule("non_inferior")
    promote.main("mine")
    assert (last()["decision"], last()["previous"]["version"], champion()) == ("promoted", 1, 2)


def set_rule(rule: str) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["promote"]["rule"] = rule
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


def test_swapped_the_better_one_wins(here):
    """The reversed network is champion (put there by hand); the sound one challenges it."""
    operated.renew("mine", flip=True)
    promote.main("mine")
    assert last()["decision"] == "refused"
    assert last()["reasons"][0].startswith("better_than_constant")
    assert champion() is None
    registry.move("mine", "champion", 1)
    operated.renew("mine", flip=True)
    promote.main("mine")
    assert (last()["decision"], champion()) == ("promoted", 2)
    assert gate_of(last(), "non_inferior")["numbers"]["low"] > 0


def test_a_challenger_whose_answers_are_no_numbers_is_refused(here, monkeypatch):
    def broken(uri, requests, singles=()):
        found = operated.answer_here(uri, requests, singles)
        if uri.endswith("/2"):
            found.answers.loc[0, "probability_negative"] = float("nan")
        return found

    promote.main("mine")
    operated.renew("mine")
    monkeypatch.setattr(isolated, "ask", broken)
    promote.main("mine")
    assert (last()["decision"], champion()) == ("refused", 1)
    assert last()["reasons"] == ["finite: 1 of the challenger's predictions have no finite score"]


@pytest.mark.parametrize("whose", ["champion", "challenger"])
def test_a_gate_row_in_the_training_of_either_refuses(here, whose):
    promote.main("mine")
    operated.renew("mine")
    ids = files.read_json(paths.trained("mine", "gru") / "run.json")["seeds"]["3"]
    second = registry.register("mine", ids["run_id"], ids["model_id"])
    place = registry.artifact({"champion": registry.champion("mine"), "challenger": second}[whose], "learned/seen.json")
    row = digest_of(open_prepared("mine").texts("gate")[5])
    files.write_json(place, {"texts": [*files.read_json(place)["texts"], row]})
    promote.main("mine")
    assert (last()["decision"], champion()) == ("refused", 1)
    rows = open_prepared("mine").audit["rows"]["gate"]
    assert last()["reasons"] == [f"unseen: 1 of {rows} gate rows were used to train or choose the {whose}"]
    assert last()["scores"] == {}


def test_a_gate_split_that_changes_between_the_answers_refuses(here, monkeypatch):
    promote.main("mine")
    operated.renew("mine")
    asked = judge.ask
    digests = iter(("before", "after"))
    monkeypatch.setattr(judge, "ask", lambda *words: asked(*words)._replace(digest=next(digests)))
    promote.main("mine")
    assert last()["reasons"] == ["same_gate: the gate split changed between the two models' predictions"]
    assert champion() == 1


def test_a_champion_that_cannot_answer_is_a_reason(here, monkeypatch):
    def mute(uri, requests, singles=()):
        if uri.endswith("/1"):
            raise InputError(f"{uri}: column 'text' is unknown")
        return operated.answer_here(uri, requests, singles)

    promote.main("mine")
    operated.renew("mine")
    monkeypatch.setattr(isolated, "ask", mute)
    promote.main("mine")
    assert last()["reasons"] == ["answers: the champion cannot predict: models:/mine/1: column 'text' is unknown"]


def as_logged_before(package: Path) -> None:
    """Make a package one of those whose answers have no column `abstained`, and call an abstention neutral."""
    code = package / "code/pipeline/services/sentiment.py"
    text = code.read_text()
    for now, then in (
        (
            'Column("label", "string", required=False), Column(abstention.COLUMN, "boolean")',
            'Column("label", "string")',
        ),
        ("None), dtype=object)", '"neutral"), dtype=object)'),
        ("abstention.COLUMN: ~sure, ", ""),
        ("self.task.abstention_margin)", "0.4)"),
    ):
        assert text.count(now) == 1
        text = text.replace(now, then)
    code.write_text(text)
    described = yaml.safe_load((package / "MLmodel").read_text())
    outputs = [column for column in json.loads(described["signature"]["outputs"]) if column["name"] != "abstained"]
    described["signature"]["outputs"] = json.dumps([{**column, "required": True} for column in outputs])
    (package / "MLmodel").write_text(yaml.safe_dump(described))


def test_a_champion_that_was_logged_before_answers_had_abstentions_is_judged(first):
    as_logged_before(registry.folder(registry.champion("mine")))
    assert [column["name"] for column in registry.signature(registry.champion("mine"))["outputs"]][:2] == [
        "label",
        "probability",
    ]
    operated.renew("mine")
    promote.main("mine")
    assert (last()["decision"], last()["previous"]["version"], champion()) == ("promoted", 1, 2)
    assert gate_of(last(), "signature")["passed"]
    rates = {name: side["abstention_rate"] for name, side in gate_of(last(), "sureness")["numbers"].items()}
    assert 0 < rates["challenger"] < rates["champion"]


def test_a_kill_before_the_alias_moves_is_made_good(here, monkeypatch, capsys):
    moved = registry.move

    def killed(task, alias, number):
        if alias == "champion":
            raise KeyboardInterrupt
        moved(task, alias, number)

    monkeypatch.setattr(registry, "move", killed)
    with pytest.raises(KeyboardInterrupt):
        promote.main("mine")
    assert (last()["decision"], champion()) == ("promoted", None)
    monkeypatch.setattr(registry, "move", moved)
    promote.main("mine")
    assert "version 1 is now champion: the registry lagged behind reports/decisions" in capsys.readouterr().out
    assert (last()["decision"], champion()) == ("unchanged", 1)
    assert len(decisions.all_records("mine")) == 2


def test_a_kill_before_the_record_leads_to_the_same_decision(here, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    carry_out = decisions.carry_out
    monkeypatch.setattr(decisions, "carry_out", killed)
    with pytest.raises(KeyboardInterrupt):
        promote.main("mine")
    assert (decisions.all_records("mine"), champion(), registry.holder("mine", "challenger").number) == ([], None, 1)
    monkeypatch.setattr(decisions, "carry_out", carry_out)
    promote.main("mine")
    assert (last()["decision"], champion(), len(registry.versions("mine"))) == ("promoted", 1, 1)


def test_a_rollback_holds_until_it_is_taken_back(here, capsys):
    with pytest.raises(InputError, match="mine: no decision in reports/decisions names an earlier champion"):
        promote.main("mine", rollback=True)
    promote.main("mine")
    with pytest.raises(InputError, match="names an earlier champion"):
        promote.main("mine", rollback=True)
    operated.renew("mine")
    promote.main("mine")
    assert champion() == 2
    promote.main("mine", rollback=True)
    assert (last()["decision"], last()["previous"]["version"], champion()) == ("rolled_back", 2, 1)
    assert "champion is version 1 again, was version 2" in capsys.readouterr().out
    promote.main("mine")
    assert (last()["decision"], champion()) == ("refused", 1)
    assert last()["reasons"] == [f"not_withdrawn: these weights were rolled back on {decisions.next_date('mine')[:10]}"]
    promote.main("mine", rollback=True)
    assert champion() == 2
    assert decisions.withdrawn("mine").keys() == {registry.versions("mine")[0].tags["weights.digest"]}


@pytest.mark.parametrize("again", [True, False])
def test_a_rollback_that_was_killed_is_made_good(here, monkeypatch, capsys, again):
    """Also where it is asked for again: which is no second roll-back."""
    promote.main("mine")
    operated.renew("mine")
    promote.main("mine")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "move", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            promote.main("mine", rollback=True)
    assert (last()["decision"], champion()) == ("rolled_back", 2)
    promote.main("mine", rollback=again)
    assert champion() == 1
    assert capsys.readouterr().out.count("champion is version 1 again, was version 2") == again
    assert len(decisions.all_records("mine")) == (3 if again else 4)


def test_a_version_that_is_gone_comes_back_from_its_folder(here, monkeypatch):
    """As where the champion came from another machine: this registry never had the one before it."""
    promote.main("mine")
    before = registry.champion("mine").tags["package.digest"]
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "trainings", lambda version, before: {})  # of DVC, which is not here
        snapshots.write("mine")
    operated.renew("mine")
    promote.main("mine")
    runs.client().delete_model_version("mine", "1")
    promote.main("mine", rollback=True)
    assert (last()["decision"], champion()) == ("rolled_back", 3)
    assert registry.champion("mine").tags["package.digest"] == before
    runs.client().delete_model_version("mine", "2")
    with pytest.raises(
        InputError, match=r"version 2 \(weights .*\) is not in the registry, nor in models/champions/mine"
    ):
        promote.main("mine", rollback=True)


def test_a_champion_that_another_machine_made_is_restored_first(here):
    promote.main("mine")
    operated.renew("mine")
    to = {**last()["to"], "weights_digest": "f" * 64, "model_id": "m-elsewhere"}
    elsewhere = {**last(), "previous": last()["to"], "to": to}
    path, record = decisions.carry_out({**elsewhere, "decision": "refused"}, None)
    files.write_json(path, {**record, "decision": "promoted"})
    for rollback in (False, True):
        with pytest.raises(
            InputError, match=f"{path.name} was made on another machine: run `pipeline lineage restore --task mine"
        ):
            promote.main("mine", rollback=rollback)
    assert champion() == 1
    promote.main("mine", afresh=True)
    assert (last()["decision"], champion(), decisions.move_elsewhere("mine")) == ("promoted", 2, None)
    assert last()["previous"] == to


def test_a_record_that_was_lost_before_git_had_it_comes_back_from_the_registry(here, capsys):
    """As of a job beside a tracking server that ended between its decision and its commit."""
    promote.main("mine")
    operated.renew("mine")
    promote.main("mine")
    path, record = decisions.all_records("mine")[-1]
    path.unlink()
    for rollback in (False, True):
        with pytest.raises(InputError, match=f"registry has {path.name}, which reports/decisions lacks: run `git"):
            promote.main("mine", rollback=rollback)
    restoration.restore("mine")
    assert decisions.move_elsewhere("mine") is None
    assert decisions.all_records("mine")[-1] == (path, record)
    assert f"{path} was missing: copied from MLflow" in capsys.readouterr().out
    files.remove(paths.decisions())
    restoration.restore("mine")
    promote.main("mine")
    assert [one["decision"] for _, one in decisions.all_records("mine")] == ["promoted", "unchanged"]
    latest = decisions.latest_move("mine")[0]
    registry.set_tags(registry.champion("mine"), {decisions.CARRIED_OUT: "../../mine-x.json"})
    registry.set_tags(registry.versions("mine")[0], {decisions.CARRIED_OUT: "mine-9.json"})
    latest.unlink()
    with pytest.raises(InputError, match=r"registry has mine-9.json, which neither reports/decisions nor run \w+ has"):
        restoration.restore("mine")


@pytest.mark.parametrize("afresh", [False, True])
def test_a_champion_made_while_another_was_judged_stays(here, monkeypatch, afresh):
    """By another machine on the same registry."""
    promote.main("mine")
    operated.renew("mine")

    def meanwhile(uri, requests, singles=()):
        monkeypatch.setattr(isolated, "ask", operated.answer_here)
        record = files.read_json(paths.trained("mine", "gru") / "run.json")["seeds"]["3"]
        other = registry.register("mine", *_logged_again(record["run_id"]))
        registry.move("mine", "champion", other.number)
        return operated.answer_here(uri, requests, singles)

    monkeypatch.setattr(isolated, "ask", meanwhile)
    with pytest.raises(InputError, match="models:/mine/3 became champion while mine was judged: nothing was changed"):
        promote.main("mine", afresh=afresh)
    assert (champion(), len(decisions.all_records("mine"))) == (3, 1)


def _logged_again(run_id: str) -> tuple[str, str]:
    """The run, and a second model of it."""
    description = files.read_json(paths.trained("mine", "gru") / "model.json")
    place = paths.trained("mine", "gru") / "3.safetensors"
    return run_id, models.log(run_id, open_prepared("mine"), description, 3, place)


def test_a_decision_is_later_than_one_by_a_clock_that_is_ahead(here):
    promote.main("mine")
    path, record = decisions.all_records("mine")[-1]
    ahead = "2999-12-31T23:59:59.999+00:00"
    files.write_json(path, {**record, "date": ahead})
    operated.renew("mine")
    promote.main("mine")
    later = decisions.all_records("mine")[-1]
    assert (later[1]["to"]["version"], later[1]["date"]) == (2, "3000-01-01T00:00:00.000+00:00")
    assert later[0].name.startswith("mine-3000-01-01T00-00-00-000-")
    assert decisions.move_elsewhere("mine") is None


def test_a_champion_whose_files_are_gone_is_told_and_may_be_replaced(here):
    promote.main("mine")
    operated.renew("mine")
    files.remove(registry.folder(registry.champion("mine")))
    with pytest.raises(InputError, match="models:/mine/1: its files are missing: run `pipeline lineage restore --task"):
        promote.main("mine")
    promote.main("mine", afresh=True)
    assert (last()["decision"], champion()) == ("promoted", 2)
    with pytest.raises(InputError, match="version 1 .* is not in the registry, nor in models/champions/mine"):
        promote.main("mine", rollback=True)
    assert champion() == 2


def test_an_empty_registry_is_not_taken_for_a_beginning(here):
    promote.main("mine")
    files.remove(registry.folder(registry.champion("mine")))
    runs.client().delete_registered_model("mine")
    with pytest.raises(InputError, match="mine@champion: expected a version, as in reports/decisions/mine-.*restore"):
        promote.main("mine")
    assert registry.versions("mine") == []


@pytest.mark.parametrize("what", ["the model", "the version", "the alias"])
def test_a_champion_that_was_deleted_in_the_registry_comes_back(here, what, capsys):
    promote.main("mine")
    before, delete = registry.champion("mine"), runs.client()
    if what == "the model":
        delete.delete_registered_model("mine")
    elif what == "the version":
        delete.delete_model_version("mine", "1")
    else:
        delete.delete_registered_model_alias("mine", "champion")
    assert champion() is None
    promote.main("mine")
    now = registry.champion("mine")
    assert now.model_id == before.model_id
    assert now.tags["decision.done"] == before.tags["decision.done"]
    printed = capsys.readouterr().out
    assert f"version {now.number} is now champion: the registry lagged behind reports/decisions" in printed
    assert last()["decision"] == "unchanged"


def test_afresh_replaces_a_champion_that_none_can_be_compared_with(here):
    promote.main("load")
    operated.renew("load")
    files.write_json(registry.artifact(registry.champion("load"), "learned") / "seen.json", {"until": "2021-01-01"})
    promote.main("load", afresh=True)
    record = last("load")
    assert (record["decision"], record["afresh"], record["previous"]["version"]) == ("promoted", True, 1)
    assert gate_of(record, "better_than_constant")["passed"]
    assert champion("load") == 2


def test_a_record_that_is_none_is_told(here):
    files.write_text(paths.decisions() / "mine-x.json", "{")
    with pytest.raises(InputError, match="mine-x.json is not the record of a decision"):
        promote.main("mine")
    files.write_json(
        paths.decisions() / "mine-x.json", {"task": "mine", "date": "2026", "decision": "promoted", "to": None}
    )
    with pytest.raises(InputError, match="mine-x.json is not the record of a decision"):
        promote.main("mine")


def test_mistakes_are_told(here):
    with pytest.raises(InputError, match="no real task named 'mime'; there are: mine, load"):
        promote.main("mime")
    for how in ("rollback", "afresh"):
        with pytest.raises(InputError, match=f"--{how} needs --task mine or load"):
            promote.main(**{how: True})
    with pytest.raises(InputError, match="--rollback and --afresh exclude each other"):
        promote.main("mine", rollback=True, afresh=True)
    record = files.read_json(paths.trained("mine", "gru") / "run.json")
    files.write_json(paths.trained("mine", "gru") / "run.json", {**record, "inputs_digest": "other"})
    with pytest.raises(
        InputError, match="trained on other data than data/prepared/mine: run `dvc repro train@mine-gru"
    ):
        promote.main("mine")
    (paths.trained("mine", "gru") / "run.json").unlink()
    with pytest.raises(InputError, match="no trained network in models/mine/gru: run `dvc repro train@mine-gru` first"):
        promote.main("mine")


def test_weights_that_the_store_does_not_hold_are_told(here):
    place = paths.trained("mine", "gru") / "3.safetensors"
    place.write_bytes(place.read_bytes() + b" ")
    with pytest.raises(InputError, match="models:/mine/1 is not models/mine/gru/3.safetensors: run `pipeline lineage"):
        promote.main("mine")
    assert champion() is None


def test_the_control_and_diverged_networks_never_challenge(here):
    prepared = open_prepared("mine")
    assert challenger.best_on_validation("mine", {"identity": None, "gru": None}, prepared).architecture == "gru"
    description = files.read_json(paths.trained("mine", "gru") / "model.json")
    for result in description["seeds"].values():
        result["status"] = "diverged"
    files.write_json(paths.trained("mine", "gru") / "model.json", {**description, "serves": None})
    promote.main("mine")
    assert (last()["decision"], last()["reasons"]) == (
        "refused",
        ["every network diverged, so there is none to promote"],
    )
    assert "**Refused** (champion stays none): every network diverged" in summary.of_decision(last())
    assert champion() is None
