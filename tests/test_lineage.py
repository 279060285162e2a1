"""Lineage of a tiny champion: a sound chain, every link broken in turn, a store that forgot, and a new one."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import operated
import pandas as pd
import pytest
import yaml
from mlflow.entities import ViewType

from pipeline import lineage as command
from pipeline.common import InputError, files, paths
from pipeline.jobs.settings import Retrain
from pipeline.provenance import retention, snapshots
from pipeline.tracking import isolated, lineage, models, registry, runs, store

TEXTS = pd.DataFrame({"text": ["a lovely superb film", "an awful dull film"]})


def set_params(**values):
    """Change params.yaml's sections."""
    params = yaml.safe_load(paths.PARAMS.read_text())
    paths.PARAMS.write_text(yaml.safe_dump({**params, **values}, sort_keys=False))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A project with one trained network in DVC, which is champion."""
    with operated.project(tmp_path_factory.mktemp("project"), mine=operated.REVIEWS) as root:
        set_params(architectures={"gru": operated.GRU}, sweep={"tasks": []})
        operated.write_reviews()
        operated.run("mine")
        operated.give_to_dvc(root)
        ids = lineage.runs_of("mine", "gru")[3]
        version = registry.register("mine", ids["run_id"], ids["model_id"])
        registry.move("mine", "champion", version.number)
        yield root


def act(*words, task="mine", **more):
    command.main(list(words), task, **more)


@pytest.mark.usefixtures("tiny")
def test_a_sound_chain_is_printed_from_the_champion_to_the_source(capsys):
    act("verify")
    told = capsys.readouterr().out
    version = registry.champion("mine")
    expected = [
        "mine@champion -> models:/mine/1 -> model m-",
        "package: weights ",
        f"run {version.run_id}: gru seed 3",
        "models/mine/gru: weights",
        "data/prepared/mine: 5 files",
        "train@mine-gru: 1 output",
        "sweep@mine",
        "data/raw/mine",
        "prepare@mine",
        "source data/sources/reviews.csv: SHA-256",
        "fetch@mine",
        "trained networks with their runs: 1",
    ]
    places = [told.index(line) for line in expected]
    assert places == sorted(places)


@contextmanager
def changed(path, old=None, new=None):
    """A file with a word replaced, or with its last byte changed; as it was, in the end."""
    path = Path(path)
    before = path.read_bytes()
    assert old is None or old.encode() in before, f"{path} has no {old!r}"
    path.write_bytes(before.replace(old.encode(), new.encode()) if old else before[:-1] + bytes([before[-1] ^ 1]))
    try:
        yield
    finally:
        path.write_bytes(before)


@contextmanager
def moved_away(path):
    shutil.move(path, f"{path}.away")
    try:
        yield
    finally:
        shutil.move(f"{path}.away", path)


@contextmanager
def added(path):
    Path(path).write_text("something")
    try:
        yield
    finally:
        Path(path).unlink()


@contextmanager
def no_alias():
    runs.client().delete_registered_model_alias("mine", "champion")
    try:
        yield
    finally:
        registry.move("mine", "champion", 1)


@contextmanager
def no_run():
    run_id = registry.champion("mine").run_id
    runs.client().delete_run(run_id)
    try:
        yield
    finally:
        runs.client().restore_run(run_id)


@contextmanager
def run_tag(key):
    run_id = registry.champion("mine").run_id
    before = runs.client().get_run(run_id).data.tags[key]
    runs.set_tags(run_id, {key: "other"})
    try:
        yield
    finally:
        runs.set_tags(run_id, {key: before})


@contextmanager
def version_tag(key):
    version = registry.champion("mine")
    registry.set_tags(version, {key: "other"})
    try:
        yield
    finally:
        registry.set_tags(version, {key: version.tags[key]})


def package(name=""):
    return registry.folder(registry.champion("mine")) / name


def run_id():
    return files.read_json(MODELS / "run.json")["seeds"]["3"]["run_id"]


MODELS, PREPARED, RAW = Path("models/mine/gru"), Path("data/prepared/mine"), Path("data/raw/mine")
LINKS = {
    "alias": (no_alias, r"registry: mine@champion: expected a version, as in models/champions/mine/snapshot.json"),
    "model": (lambda: moved_away(package()), r"models:/mine/1: expected model m-\w+ in MLflow, found none"),
    "weights logged": (lambda: changed(package("artifacts/weights.safetensors")), r"models:/mine/1: weights"),
    "code logged": (lambda: changed(package("code/pipeline/tasks/__init__.py")), r"models:/mine/1: artifacts and code"),
    "card": (lambda: changed(package("artifacts/card.md")), r"models:/mine/1: artifacts and code"),
    "run": (no_run, r"models:/mine/1: expected run \w+ in MLflow, found none"),
    "run's network": (lambda: run_tag("architecture"), r"run \w+: tag architecture: expected gru, found other"),
    "run's outputs": (lambda: run_tag("outputs.digest"), r"run \w+: tag outputs.digest: expected \w{64}, found other"),
    "run.json's run": (
        lambda: changed(MODELS / "run.json", run_id(), "0" * 32),
        r"run.json: seed 3: expected run 0+ in",
    ),
    "run.json's digest": (
        lambda: changed(MODELS / "run.json", '"weights_digest": "', '"weights_digest": "0'),
        r"models/mine/gru/run.json: weights_digest: expected \w{64}, found 0\w{64}",
    ),
    "weights": (
        lambda: changed(MODELS / "3.safetensors"),
        r"models/mine/gru/3.safetensors: expected \w+, found \w+",
    ),
    "no weights": (lambda: moved_away(MODELS / "3.safetensors"), r"models/mine/gru/3.safetensors: .* found none"),
    "description": (
        lambda: changed(MODELS / "model.json", '"serves": 3', '"serves": 4'),
        r"model.json: serves, .*3, .*4",
    ),
    "history": (
        lambda: changed(MODELS / "history.csv"),
        r"train@mine-gru: models/mine/gru: expected \w+.dir",
    ),
    "lock": (
        lambda: changed("dvc.lock", "train@mine-gru", "train@mine-gro"),
        r"expected a digest in dvc.lock, found none",
    ),
    "choice": (lambda: changed("models/mine/choices/gru.json"), r"train@mine-gru: models/mine/choices/gru.json: "),
    "code": (lambda: changed("pipeline/training/loop.py"), r"train@mine-gru: pipeline/training: "),
    "seed": (
        lambda: changed("params.yaml", "seed: 3", "seed: 4"),
        r"params.yaml: seed: expected 3 \(dvc.lock\), found 4",
    ),
    "audit": (lambda: changed(PREPARED / "audit.json", '"rows"', '"raws"'), r"train@mine-gru: data/prepared/mine: "),
    "prepared": (lambda: changed(PREPARED / "valid.arrow"), r"data/prepared/mine/valid.arrow: expected \w{64}"),
    "run's inputs": (lambda: run_tag("inputs.digest"), r"run \w+: tag inputs.digest: expected \w{64}, found other"),
    "sweep": (
        lambda: changed("params.yaml", "tasks: []", "tasks: [mine]"),
        r"sweep@mine: params.yaml: sweep: expected",
    ),
    "raw": (lambda: changed(RAW / "train.parquet"), r"prepare@mine: data/raw/mine: expected \w+.dir \(dvc.lock\)"),
    "raw's source": (
        lambda: changed(RAW / "source.json", '"digest": "', '"digest": "0'),
        r"data/raw/mine/source.json: digest, against audit.json's: expected \w{64}, found 0\w{64}",
    ),
    "model's source": (
        lambda: version_tag("data.digest"),
        r"models:/mine/1: tag data.digest: expected \w{64}, found other",
    ),
    "source": (
        lambda: changed("data/sources/reviews.csv", "lovely", "lowely"),
        r"source data/sources/reviews.csv: SHA-256: expected \w{64}, found \w{64}",
    ),
    "no source": (
        lambda: moved_away("data/sources/reviews.csv"),
        r"source .*/reviews.csv: .* found none: .* no such file",
    ),
    "sources": (lambda: added("data/sources/more.csv"), r"fetch@mine: data/sources: expected \w+.dir \(dvc.lock\)"),
}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.usefixtures("tiny")
def test_a_broken_link_is_the_one_that_is_named(link):
    if not paths.champion("mine").exists():
        act("snapshot")
    broken, told = LINKS[link]
    with broken(), pytest.raises(InputError, match=rf"^broken link: .*{told}") as error:
        act("verify")
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A database with nothing but MLflow's tables, which take seconds to make."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        runs.client().search_experiments()
    return path


@pytest.fixture
def elsewhere(tiny, empty_store, tmp_path, monkeypatch):
    """The same project with an empty store."""
    act("snapshot")
    shutil.copy(empty_store, tmp_path / "other.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    return tmp_path


def test_every_network_needs_its_run_not_the_champion_s_alone(elsewhere):
    act("restore")
    act("verify")
    runs.client().delete_run(lineage.runs_of("mine", "gru")[3]["run_id"])
    with pytest.raises(InputError, match=r"expected run \w+ in MLflow, found none"):
        act("verify")


def test_reconcile_logs_what_a_new_store_lacks_once(elsewhere, capsys):
    before = (MODELS / "run.json").read_bytes()
    with pytest.raises(InputError, match="mine@champion"):
        act("verify")
    act("reconcile")
    assert "logged again: gru seed 3" in capsys.readouterr().out
    ids = lineage.runs_of("mine", "gru")[3]
    assert ids["run_id"] != run_id()
    run = runs.client().get_run(ids["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["logged"] == "by reconcile"
    assert run.data.tags["original.run"] == run_id()
    assert run.data.tags["outputs.digest"] == ids["weights_digest"]
    assert run.data.params["architecture.choice.initializer"] == "chrono"
    curve = [m.value for m in runs.client().get_metric_history(ids["run_id"], "valid/loss")]
    rows = pd.read_csv(MODELS / "history.csv")
    assert curve == pytest.approx(rows["valid_loss"].tolist(), rel=1e-12)
    assert not any(key.startswith("system/") for key in run.data.metrics)
    assert registry.register("mine", ids["run_id"], ids["model_id"]).number == 1
    act("reconcile")
    assert capsys.readouterr().out.endswith("mine: nothing was missing\n")
    assert len(runs.client().search_runs([runs.experiment("mine")])) == 1
    assert (MODELS / "run.json").read_bytes() == before


def test_reconcile_logs_a_model_whose_files_are_gone(elsewhere, capsys):
    act("reconcile")
    model = runs.client().get_logged_model(lineage.runs_of("mine", "gru")[3]["model_id"])
    files.remove(Path(model.artifact_location.removeprefix("file://")))
    act("reconcile")
    assert capsys.readouterr().out.count("logged again: gru seed 3") == 2
    assert lineage.runs_of("mine", "gru")[3]["model_id"] != model.model_id


def test_a_reconcile_that_was_cut_short_goes_on_in_the_same_run(elsewhere, monkeypatch):
    def fail(*words):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(models, "log", fail)
        with pytest.raises(OSError, match="disk full"):
            act("reconcile")
    (run,) = runs.client().search_runs([runs.experiment("mine")])
    assert run.info.status == "FAILED"
    act("reconcile", "reconcile")
    assert lineage.runs_of("mine", "gru")[3]["run_id"] == run.info.run_id
    assert [m.step for m in runs.client().get_metric_history(run.info.run_id, "train/loss")] == [12, 24, 36]


def test_reconcile_refuses_a_network_of_other_settings(elsewhere):
    told = "other settings than those in params.yaml at tasks.mine: run `dvc repro train@mine-gru` first"
    with changed("params.yaml", "max_tokens: 24", "max_tokens: 25"), pytest.raises(InputError, match=told):
        act("reconcile")


def test_a_snapshot_holds_no_path_of_this_machine_and_does_not_change(tiny):
    """Its files may be links into DVC's cache, read-only: the same champion leaves them where they are."""
    act("snapshot")
    before = files.digest(paths.champion("mine"))
    places = {file: file.stat().st_ino for file in paths.champion("mine").rglob("*")}
    act("snapshot")
    assert files.digest(paths.champion("mine")) == before
    assert {file: file.stat().st_ino for file in paths.champion("mine").rglob("*")} == places
    for file in paths.champion("mine").rglob("*"):
        if file.is_file():
            assert not re.search(rb"/tmp/|/home/|/root/|file:/", file.read_bytes()), file


def test_a_snapshot_is_registered_anew_with_all_originals_gone(elsewhere, tiny, capsys):
    with ExitStack() as gone:
        for name in ("mlflow.db", "models/mine", "data", "pipeline", *Path("mlartifacts/mine/models").glob("m-*")):
            gone.enter_context(moved_away(name))
        act("restore")
        answers = isolated.answers(registry.champion("mine").uri, TEXTS)
        assert answers["label"].tolist() == ["positive", "negative"]
        version, before = registry.champion("mine"), files.digest(paths.champion("mine"))
        act("restore", "snapshot")
        assert registry.versions("mine") == [version]
        assert files.digest(paths.champion("mine")) == before
    assert "is this champion already: left as it is" in capsys.readouterr().out
    run = runs.client().get_run(version.run_id)
    assert (run.info.status, run.data.tags["original.run"]) == ("FINISHED", run_id())
    assert run.data.metrics["valid/loss"] == pytest.approx(pd.read_csv(MODELS / "history.csv")["valid_loss"].iloc[-1])
    act("reconcile", "verify")
    assert "nothing was missing" in capsys.readouterr().out


def test_a_changed_byte_is_not_restored(elsewhere):
    with (
        changed(paths.champion("mine") / "package/artifacts/card.md"),
        pytest.raises(InputError, match=r"models/champions/mine/package: its SHA-256 is \w{64}, but snapshot.json"),
    ):
        act("restore")
    assert registry.versions("mine") == []


def test_a_damaged_snapshot_is_written_anew(tiny):
    act("snapshot")
    before = files.digest(paths.champion("mine"))
    with (paths.champion("mine") / "package/artifacts/card.md").open("a") as file:
        file.write("more")
    act("snapshot")
    assert files.digest(paths.champion("mine")) == before


def test_restore_leaves_another_champion_alone(elsewhere, capsys):
    act("reconcile")
    ids = lineage.runs_of("mine", "gru")[3]
    version = registry.register("mine", ids["run_id"], ids["model_id"])
    registry.set_tags(version, {"package.digest": "of another"})
    registry.move("mine", "champion", 1)
    act("restore")
    assert "models:/mine/1 is another champion already: left as it is" in capsys.readouterr().out
    assert len(registry.versions("mine")) == 1


def test_a_champion_whose_files_are_gone_comes_back_from_its_folder(elsewhere, capsys):
    act("restore")
    lost = registry.champion("mine")
    files.remove(registry.folder(lost))
    with pytest.raises(InputError, match=r"broken link: models:/mine/1: expected model m-\w+ in MLflow, found none"):
        act("verify")
    with made_elsewhere("f" * 64):
        registry.set_tags(lost, {"decision.done": "mine-1.json"})  # of another than the folder holds
        with pytest.raises(InputError, match="mine-1.json names another champion than models/champions/mine holds"):
            act("restore")
    with made_elsewhere(weights_digest()):
        act("restore", "verify", "restore")
    told = capsys.readouterr().out
    assert "models:/mine/2 is champion, was models:/mine/1, whose files or run are missing" in told
    assert "models:/mine/2 is this champion already" in told
    assert registry.champion("mine").tags["decision.done"] == "mine-1.json"


def test_a_snapshot_does_not_take_the_place_of_another_machine_s(elsewhere):
    act("restore")
    before = files.digest(paths.champion("mine"))
    with (
        made_elsewhere("f" * 64),
        pytest.raises(InputError, match="mine-1.json was made on another machine: run `pipeline lin"),
    ):
        act("snapshot")
    assert files.digest(paths.champion("mine")) == before


@contextmanager
def decided(**record):
    files.write_json(paths.decisions() / "mine-1.json", {"task": "mine", "date": "2020", "decision": "x", **record})
    try:
        yield
    finally:
        files.remove(paths.decisions())


def made_elsewhere(weights):
    return decided(decision="promoted", to={"weights_digest": weights, "version": 7, "model_id": "m-elsewhere"})


def test_a_registry_that_is_behind_gets_the_kept_champion(elsewhere, capsys):
    act("reconcile")
    ids = lineage.runs_of("mine", "gru")[3]
    runs.client().set_logged_model_tags(
        ids["model_id"], dict.fromkeys(("package.digest", "weights.digest"), "another's")
    )
    registry.register("mine", ids["run_id"], ids["model_id"])
    registry.move("mine", "champion", 1)
    with made_elsewhere(weights_digest()):
        act("restore", "restore")
    told = capsys.readouterr().out
    assert "models:/mine/2 is champion, was models:/mine/1" in told
    assert "models:/mine/2 is this champion already" in told
    assert registry.champion("mine").number == 2


@pytest.mark.parametrize("folder", ["of another", "none"])
def test_a_champion_that_was_not_brought_here_is_told(elsewhere, folder):
    """Also where the registry's own is the one in the folder: both are of yesterday."""
    act("restore")
    gone = [moved_away(paths.champion("mine"))] if folder == "none" else []
    told = (
        "mine-1.json names another champion than models/champions/mine holds: see docs/operations.md, Another machine"
    )
    with ExitStack() as stack:
        for one in (made_elsewhere("f" * 64), *gone):
            stack.enter_context(one)
        with pytest.raises(InputError, match=told):
            act("restore")


def test_a_registry_that_knows_more_than_the_decisions_moves_nothing(elsewhere):
    """An older checkout beside a shared registry: what it takes for undone was done, and replaced since."""
    act("restore")
    version = registry.champion("mine")
    registry.set_tags(version, {"decision.done": "mine-2.json"})
    made = {"weights_digest": weights_digest(), "version": version.number, "model_id": version.model_id}
    with (
        decided(decision="promoted", to=made),
        pytest.raises(InputError, match="registry has mine-2.json, which neither reports/dec"),
    ):
        act("restore")


def test_how_a_champion_was_trained_outlives_its_folder(elsewhere):
    """As in a roll-back that brings an older folder, and is taken back."""
    act("restore")
    trained = files.read_json(paths.champion("mine") / "snapshot.json")["trained"]
    version = registry.champion("mine")
    with moved_away("models/mine"):
        assert snapshots.trainings(version, None) == trained


def test_a_package_of_other_code_is_not_taken_for_the_kept_one(elsewhere):
    """What reconcile logs bears the code of its day."""
    act("reconcile")
    logged = lineage.runs_of("mine", "gru")[3]["model_id"]
    runs.client().set_logged_model_tags(logged, {"package.digest": "of other code"})
    act("restore", "verify")
    assert registry.champion("mine").model_id != logged


def test_a_champion_of_an_earlier_training_is_followed_to_its_snapshot(tiny, capsys):
    act("snapshot")
    record = MODELS / "run.json"
    with changed(record, run_id(), "f" * 32), pytest.raises(InputError, match="seed 3: expected run f{32}"):
        act("verify")
    assert "snapshot.json: from an earlier train@mine-gru, from data/sources/reviews.csv" in capsys.readouterr().out
    told = "trained earlier than the networks in models/mine: expected its training in"
    broken = changed(record, run_id(), "f" * 32), moved_away(paths.champion("mine"))
    with broken[0], broken[1], pytest.raises(InputError, match=told):
        act("verify")
    snapshots.note(registry.champion("mine"))
    broken = changed(record, run_id(), "f" * 32), moved_away(paths.champion("mine"))
    with broken[0], broken[1], pytest.raises(InputError, match="seed 3: expected run f{32}"):
        act("verify")  # the champion's chain holds: its run tells; it is the network's that does not


def old_run(name, parent=None, bytes_of_model=0):
    """A run of long ago; with a model, if that weighs something."""
    client, home = runs.client(), runs.experiment("mine")
    tags = {"stage": "train", **({"mlflow.parentRunId": parent} if parent else {})}
    made = client.create_run(home, start_time=1_000, tags=tags, run_name=name).info.run_id
    if bytes_of_model:
        model = client.create_logged_model(home, "gru", made, tags={"weights.digest": name})
        folder = Path(f"{store.uri().removeprefix('sqlite:///')}.{name}")
        folder.mkdir()
        (folder / "MLmodel").write_bytes(b"x" * bytes_of_model)
        client.log_model_artifacts(model.model_id, str(folder))
        client.finalize_logged_model(model.model_id, "READY")
        registry.register("mine", made, model.model_id)
    client.set_terminated(made)
    return made


def names_of_runs(view=ViewType.ACTIVE_ONLY):
    return {run.info.run_name for run in runs.client().search_runs([runs.experiment("mine")], "", view)}


@pytest.fixture
def keeps_one_run(monkeypatch):
    """However young they are."""
    monkeypatch.setattr(retention, "since", lambda settings: 1e15)
    before = paths.PARAMS.read_text()
    set_params(retrain={"keep_runs": 1})
    yield
    paths.PARAMS.write_text(before)


def test_retain_removes_what_is_old_and_needed_by_none(elsewhere, keeps_one_run, capsys):
    act("restore")
    parent = old_run("parent")
    old_run("child", parent)
    old_run("former", bytes_of_model=10)
    old_run("refused", bytes_of_model=1000)
    old_run("alone")
    runs.client().delete_run(old_run("deleted before"))
    runs.finish(runs.start("mine", "newest", {"stage": "train", "mlflow.parentRunId": parent}, {}))
    unused = Path(".dvc/cache/files/md5/ab") / ("c" * 30)
    unused.parent.mkdir(parents=True, exist_ok=True)
    unused.write_bytes(b"x" * 5000)
    every = names_of_runs()
    logged = {model.tags["weights.digest"]: model for model in models.of(runs.experiment("mine"))}
    weighs = {name: Path(model.place.removeprefix("file://")) for name, model in logged.items()}
    with decided(previous={"weights_digest": "former"}, to=None):
        act("retain", dry_run=True)
        told = capsys.readouterr().out
        assert "mine: would remove 3 runs, 1 models, 1 versions, 1,000 bytes" in told
        assert "Removed 1 objects from repo cache" in told
        assert names_of_runs() == every
        assert unused.exists()
        act("retain")
        told = capsys.readouterr().out
        assert "mine: removed 3 runs, 1 models, 1 versions, 1,000 bytes" in told
        assert "dvc cache: removed 5,000 bytes of" in told
        assert names_of_runs() == {"gru seed 3", "parent", "child", "former", "newest"}
        assert names_of_runs(ViewType.DELETED_ONLY) == set()
        assert {v.tags["weights.digest"] for v in registry.versions("mine")} == {"former", weights_digest()}
    act("verify")
    assert not unused.exists()
    assert not weighs["refused"].exists()
    assert (weighs["former"] / "MLmodel").exists()


def weights_digest():
    return lineage.runs_of("mine", "gru")[3]["weights_digest"]


def test_runs_of_a_tracking_server_are_freed_beside_it(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    told = next(retention.purge(retention.Old([], [], [], []), Retrain()))
    assert told == "0 deleted runs keep their files until `mlflow gc` is run on the tracking server"


@pytest.mark.parametrize(
    ("words", "more", "told"),
    [
        (["verfy"], {}, "no action named 'verfy'; there are: verify, reconcile, snapshot, restore, retain"),
        (["verify"], {"task": "imbd"}, "no task named 'imbd'; there are: mine"),
        (["verify"], {"dry_run": True}, "--dry-run goes with retain only"),
    ],
)
@pytest.mark.usefixtures("tiny")
def test_a_mistake_is_one_line(words, more, told):
    with pytest.raises(InputError, match=re.escape(told)):
        act(*words, **more)


def test_a_task_that_has_no_champions_is_told(tiny):
    before = paths.PARAMS.read_text()
    set_params(tasks={"mine": operated.REVIEWS, "near": {"kind": "recall"}})
    try:
        for words in (["restore"], ["verify", "snapshot"]):
            with pytest.raises(InputError, match="no real task named 'near'; there are: mine"):
                act(*words, task="near")
    finally:
        paths.PARAMS.write_text(before)


def test_a_task_without_a_champion_is_told(elsewhere, capsys):
    with moved_away(paths.champion("mine")):
        act("reconcile", "verify", "snapshot", "restore")
    told = capsys.readouterr().out
    assert "no champion yet" in told
    assert "mine: no champion, no snapshot" in told
    assert "mine: no models/champions/mine/snapshot.json, nothing to restore" in told


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A tracking server that keeps the files itself; it ends with the test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        str(tmp_path / "kept"),
    ]
    words += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        until = time.monotonic() + 60
        while True:
            with suppress(InputError):
                store.check()
                break
            ended = process.poll() is not None or time.monotonic() > until
            assert not ended, (tmp_path / "log").read_text()
            time.sleep(0.2)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.slow
def test_a_tracking_server_takes_a_snapshot_too(tiny, request, capsys):
    act("snapshot")
    before = files.digest(paths.champion("mine"))
    request.getfixturevalue("server")
    act("restore", "verify", "reconcile", "snapshot")
    told = capsys.readouterr().out
    assert "models:/mine/1 is champion" in told
    assert "mine: nothing was missing" in told
    assert files.digest(paths.champion("mine")) == before
    answers = isolated.answers(registry.champion("mine").uri, TEXTS)
    assert answers["label"].tolist() == ["positive", "negative"]
