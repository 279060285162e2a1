"""Stages end to end on a tiny project: real files, a real MLflow store, real processes."""

import base64
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest
import torch
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, Pool, event

from pipeline import evaluate, fetch, params, prepare, report, results, sweep, train
from pipeline.common import InputError, files, paths
from pipeline.tracking import connection, runs, store
from pipeline.tracking.cell import CellRuns

TINY = {
    "seed": 3,
    "tasks": {
        "near": {"kind": "recall", "lag": 20, "examples": 200, "held_out": 40, "epochs": 3, "steps_per_epoch": 4}
        | {"batch_size": 16, "parameters": 800}
    },
    "architectures": {
        "gru": {"choice": {"initializer": "chrono", "clipping": "norm", "threshold": 0.1}},
        "identity": {},
    },
    "model": {"embedding": 8},
    "train": {"seeds": 2, "device": "cpu", "log_every": 2},
    "evaluate": {"resamples": 100},
}


@pytest.fixture
def tiny(project):
    root = project(**TINY)
    fetch.main("near")
    prepare.main("near")
    sweep.main("near")
    return root


def client():
    return MlflowClient(store.uri())


def stage(*words, **environment):
    """A stage as a user starts it: a process of its own in the project's folder."""
    root = str(Path(__file__).parent.parent)
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        env={**os.environ, "PYTHONPATH": root, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_train_writes_its_outputs_and_its_runs(tiny):
    train.main("near", "gru")
    folder = paths.trained("near", "gru")
    assert sorted(f.name for f in folder.iterdir()) == [
        "3.safetensors",
        "4.safetensors",
        "history.csv",
        "model.json",
        "run.json",
    ]
    description = files.read_json(folder / "model.json")
    losses = {seed: result["valid_loss"] for seed, result in description["seeds"].items()}
    assert description["serves"] == int(min(losses, key=losses.get))
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert [(row["seed"], row["step"]) for row in rows] == [(s, n) for s in "34" for n in ("4", "8", "12")]

    for seed, ids in files.read_json(folder / "run.json")["seeds"].items():
        run = client().get_run(ids["run_id"])
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"gru seed {seed}"
        assert run.data.tags["seed"] == seed
        assert run.data.tags["mlflow.runColor"].startswith("#")
        assert run.data.tags["outputs.digest"] == ids["weights_digest"] == files.digest(folder / f"{seed}.safetensors")
        assert run.data.params["architecture.choice.initializer"] == "chrono"
        assert {d.dataset.name for d in run.inputs.dataset_inputs} == {"near-training", "near-validation"}
        curve = client().get_metric_history(ids["run_id"], "valid/loss")
        assert [(m.step, m.value) for m in curve] == [
            (int(r["step"]), float(r["valid_loss"])) for r in rows if r["seed"] == seed
        ]
        assert len(client().get_metric_history(ids["run_id"], "step/grad_norm")) == 6
        assert {"grad_norm/before", "grad_norm/clip_rate", "speed/tokens_per_second"} <= set(run.data.metrics)


def test_the_logged_model_loads_without_pickle_and_predicts(tiny, monkeypatch):
    import mlflow
    import numpy as np
    import torch

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    train.main("near", "gru")
    ids = files.read_json(paths.trained("near", "gru") / "run.json")["seeds"]["3"]
    mlflow.set_tracking_uri(store.uri())
    model = mlflow.pyfunc.load_model(f"models:/{ids['model_id']}")
    assert model.metadata.signature is not None
    inputs = np.random.default_rng(0).integers(1, 3, (5, 21))
    answers = model.predict(inputs)
    ours = model.unwrap_python_model().model(torch.from_numpy(inputs), torch.full((5,), 21))
    np.testing.assert_allclose(answers, ours.detach().numpy(), rtol=1e-6)
    place = Path(client().get_logged_model(ids["model_id"]).artifact_location.removeprefix("file://"))
    assert [f for f in place.rglob("*") if f.suffix in (".pkl", ".pickle", ".pt", ".pth", ".bin")] == []


def test_two_trainings_write_the_same_bytes(tiny):
    digests = []
    for _ in range(2):
        train.main("near", "gru")
        folder = paths.trained("near", "gru")
        digests.append({f.name: files.digest(f) for f in folder.iterdir() if f.name != "run.json"})
    assert digests[0] == digests[1]


def test_a_few_cells_are_scored_and_shown_without_the_others(tiny, capsys):
    results.main()
    assert "near" not in capsys.readouterr().out
    train.main("near", "gru")
    with pytest.raises(InputError, match="no architecture named 'gur'; there are: gru, identity"):
        evaluate.main("near", only="gur")
    evaluate.main("near", only="gru")
    capsys.readouterr()
    results.main()
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:3] == ["near", "accuracy", "gru"]
    a_long_name = [*results.lines([results.COLUMNS, ("x" * 64, "accuracy"), ("y", "MAE", "gru 0.1")])]
    assert a_long_name[1] == "x" * 64 + "  accuracy"
    assert len({line.index(word) for line, word in zip(a_long_name, ("measure", "accuracy", "MAE"), strict=True)}) == 1
    assert " – " in row  # the control is not there
    assert "constant 0." in row
    metrics = files.read_json(paths.metrics("near"))
    files.write_json(paths.metrics("near"), {key: value for key, value in metrics.items() if key != "intervals"})
    lacks: list[str] = []
    assert report.read_tasks(params.load(), lacks) == []
    assert lacks == ["reports/near/metrics.json (written by an older version): run `dvc repro evaluate@near`"]


def test_evaluate_scores_networks_and_baselines_alike(tiny):
    for architecture in ("gru", "identity"):
        train.main("near", architecture)
    evaluate.main("near")
    metrics = json.loads(paths.metrics("near").read_text())
    kinds = {entry["name"]: entry["kind"] for entry in metrics["results"]}
    assert kinds == {"gru": "network", "identity": "control", "constant": "baseline"}
    gru = next(entry for entry in metrics["results"] if entry["name"] == "gru")
    accuracy = gru["metrics"]["accuracy"]
    assert len(accuracy["by_seed"]) == 2
    assert set(gru["classes"]) == {"0", "1"}
    assert all(set(scores) == {"f1", "precision", "recall"} for scores in gru["classes"].values())
    halves = zip(*(gru["classes"][label]["f1"]["by_seed"] for label in "01"), strict=True)
    assert gru["metrics"]["f1"]["by_seed"] == pytest.approx([sum(both) / 2 for both in halves])
    assert accuracy["low"] <= accuracy["mean"] <= accuracy["high"]
    assert {role: against["name"] for role, against in gru["against"].items()} == {
        "control": "identity",
        "simplest_baseline": "constant",
        "strongest_baseline": "constant",
    }
    for seed, ids in files.read_json(paths.trained("near", "gru") / "run.json")["seeds"].items():
        logged = client().get_run(ids["run_id"]).data.metrics["test/accuracy"]
        assert logged == pytest.approx(accuracy["by_seed"][int(seed) - 3])
    baseline = runs.find("near", {"architecture": "constant", "baseline": "true"})
    assert client().get_run(baseline).info.status == "FINISHED"
    before = paths.metrics("near").read_bytes()
    evaluate.main("near")
    assert paths.metrics("near").read_bytes() == before
    assert runs.find("near", {"architecture": "constant", "baseline": "true"}) == baseline


def test_a_store_that_saw_no_training_gets_runs_for_the_scores(tiny, monkeypatch):
    for architecture in ("gru", "identity"):
        train.main("near", architecture)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tiny}/other.db")
    for _ in range(2):
        evaluate.main("near")
    found = client().search_runs([runs.experiment("near")], "tags.architecture = 'gru'")
    assert sorted(run.data.tags["seed"] for run in found) == ["3", "4"]
    assert all(run.info.status == "FINISHED" and "test/accuracy" in run.data.metrics for run in found)


def test_dvc_has_the_headline_scores(tiny):
    for architecture in ("gru", "identity"):
        train.main("near", architecture)
    evaluate.main("near")
    metrics = files.read_json(paths.metrics("near"))
    scores = {entry["name"]: entry["metrics"]["accuracy"]["mean"] for entry in metrics["results"]}
    assert {*scores} == {"gru", "identity", "constant"}
    headline = {"network": scores["gru"], "control": scores["identity"], "baseline": scores["constant"]}
    assert files.read_json(paths.headline("near")) == {"near": pytest.approx(headline, rel=1e-5)}


def test_predictions_can_be_scored_again_from_their_parquet(tiny):
    import numpy as np
    import pyarrow.parquet as parquet

    for architecture in ("gru", "identity"):
        train.main("near", architecture)
    evaluate.main("near")
    table = parquet.read_table(paths.predictions("near") / "gru.parquet").to_pydict()
    right = np.argmax(table["output"], axis=1) == np.array(table["target"])[:, 0]
    gru = next(e for e in json.loads(paths.metrics("near").read_text())["results"] if e["name"] == "gru")
    by_seed = [right[np.array(table["seed"]) == seed].mean() for seed in (3, 4)]
    assert by_seed == pytest.approx(gru["metrics"]["accuracy"]["by_seed"])


def test_a_test_split_without_intervals_says_so_everywhere(project, capsys):
    project(**{**TINY, "tasks": {"near": {**TINY["tasks"]["near"], "held_out": 4}}})
    fetch.main("near")
    prepare.main("near")
    sweep.main("near")
    for architecture in ("gru", "identity"):
        train.main("near", architecture)
    evaluate.main("near")
    why, metrics = "4 examples are fewer than 5", files.read_json(paths.metrics("near"))
    assert metrics["intervals"]["reason"] == why
    for entry in metrics["results"]:
        assert {(value["low"], value["high"], value["reason"]) for value in entry["metrics"].values()} == {
            (None, None, why)
        }
    gru = next(entry for entry in metrics["results"] if entry["name"] == "gru")
    assert {(other["beats"], other["reason"]) for other in gru["against"].values()} == {(None, why)}
    rows = list(csv.DictReader(paths.scores("near").read_text().splitlines()))
    assert {(row["low"], row["high"], row["reason"]) for row in rows} == {("", "", why)}
    printed = capsys.readouterr().out
    assert printed.count("(no interval)") == 3
    assert f"no intervals: {why}" in printed
    ids = files.read_json(paths.trained("near", "gru") / "run.json")["seeds"]["3"]
    tags = client().get_run(ids["run_id"]).data.tags
    assert (tags["intervals.reason"], tags["beats.control"]) == (why, "")


def test_a_diverged_seed_is_a_result_and_the_rest_goes_on(project):
    choice = {"optimizer": "sgd", "learning_rate": 1e30}
    project(**{**TINY, "architectures": {"rnn": {"choice": choice}, "identity": {}}})
    fetch.main("near")
    prepare.main("near")
    sweep.main("near")
    for architecture in ("rnn", "identity"):
        train.main("near", architecture)
    evaluate.main("near")
    description = files.read_json(paths.trained("near", "rnn") / "model.json")
    assert {result["status"] for result in description["seeds"].values()} == {"diverged"}
    assert description["serves"] is None
    ids = files.read_json(paths.trained("near", "rnn") / "run.json")["seeds"]["3"]
    run = client().get_run(ids["run_id"])
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "diverged")
    assert run.data.tags["stopped"].startswith("diverged at step")
    entry = next(e for e in json.loads(paths.metrics("near").read_text())["results"] if e["name"] == "rnn")
    assert (entry["status"], entry["metrics"]) == ("diverged", {})


def test_a_killed_training_resumes_in_the_same_runs_and_ends_alike(project):
    slow = {**TINY["tasks"]["near"], "epochs": 12, "steps_per_epoch": 30, "patience": 12}
    project(**{**TINY, "tasks": {"near": slow}, "architectures": {"gru": {}}})
    fetch.main("near")
    prepare.main("near")
    sweep.main("near")
    train.main("near", "gru")
    expected = {s: files.digest(paths.trained("near", "gru") / f"{s}.safetensors") for s in (3, 4)}
    files.remove(paths.trained("near", "gru"))

    work = paths.WORK / "near/gru"
    with stage("pipeline.train", "--task", "near", "--architecture", "gru") as process:
        while not ((work / "runs.json").exists() and (work / "3.state").exists() and (work / "4.state").exists()):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
    assert not paths.trained("near", "gru").exists()
    killed = set(files.read_json(work / "runs.json").values())

    train.main("near", "gru")
    record = files.read_json(paths.trained("near", "gru") / "run.json")["seeds"]
    assert {int(s): ids["weights_digest"] for s, ids in record.items()} == expected
    assert killed <= {ids["run_id"] for ids in record.values()}
    for ids in record.values():
        assert client().get_run(ids["run_id"]).info.status == "FINISHED"
        steps = [m.step for m in client().get_metric_history(ids["run_id"], "valid/loss")]
        assert steps == sorted(set(steps))
    running = client().search_runs([runs.experiment("near")], "attributes.status = 'RUNNING'")
    assert running == []


def test_the_seeds_of_a_killed_training_end_with_it(project):
    slow = {**TINY["tasks"]["near"], "epochs": 3, "steps_per_epoch": 100_000}
    project(**{**TINY, "tasks": {"near": slow}, "architectures": {"gru": {}}, "train": {"seeds": 2, "device": "cpu"}})
    fetch.main("near")
    prepare.main("near")
    sweep.main("near")
    with stage("pipeline.train", "--task", "near", "--architecture", "gru") as process:
        seeds: list[psutil.Process] = []
        while len(seeds) < 2:
            assert process.poll() is None, process.stderr.read()
            seeds = psutil.Process(process.pid).children()
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(seeds, timeout=5)
    assert alive == []


def test_a_write_that_sqlite_refuses_is_tried_again(monkeypatch):
    monkeypatch.setattr(connection, "PAUSES", (0.0, 0.0))
    answers = [MlflowException("(sqlite3.OperationalError) database is locked")] * 2

    def write():
        if answers:
            raise answers.pop()
        return "written"

    assert runs.written(write) == "written"
    answers[:] = [MlflowException("(sqlite3.OperationalError) database is locked")] * 3
    with pytest.raises(MlflowException, match="locked"):
        runs.written(write)
    answers[:] = [MlflowException("no such run")] * 2
    with pytest.raises(MlflowException, match="no such run"):
        runs.written(write)
    assert len(answers) == 1


def test_a_terminated_training_leaves_no_run_running(project):
    slow = {**TINY["tasks"]["near"], "epochs": 500, "steps_per_epoch": 50, "patience": 500}
    project(**{**TINY, "tasks": {"near": slow}})
    fetch.main("near")
    prepare.main("near")
    sweep.main("near")
    with stage("pipeline.train", "--task", "near", "--architecture", "gru") as process:
        while not (paths.WORK / "near/gru/runs.json").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        time.sleep(1.0)
        process.terminate()
        _, told = process.communicate(timeout=60)
    assert process.returncode != 0
    statuses = {run.info.status for run in client().search_runs([runs.experiment("near")])}
    assert statuses == {"FAILED"}, told


@pytest.mark.parametrize("moment", ["before_cursor_execute", "after_cursor_execute", "commit", "checkin"])
def test_an_interrupt_waits_for_the_end_of_a_write(tiny, monkeypatch, moment):
    """A write that is cut can keep its lock, and no run could be marked: training ended after more than a minute."""
    monkeypatch.setattr(runs, "monitor", lambda run_id: None)
    interrupts = []

    def interrupt(*given):
        if not interrupts and (moment in ("commit", "checkin") or "INSERT INTO metrics" in given[2]):
            interrupts.append(moment)
            signal.raise_signal(signal.SIGINT)

    place = Pool if moment == "checkin" else Engine
    record = {"step": 1, "trace": [], "train/loss": 1.0}
    with pytest.raises(KeyboardInterrupt), CellRuns(Path("runs.json"), "near", "gru", [3]) as cell:
        cell.begin({"stage": "train"}, {}, {}, "source")
        event.listen(place, moment, interrupt)
        try:
            cell.record(3, record)
            cell.record(3, {**record, "step": 2})
        finally:
            event.remove(place, moment, interrupt)
            begun = time.perf_counter()
    assert time.perf_counter() - begun < 5
    (run,) = client().search_runs([runs.experiment("near")])
    assert (run.info.status, run.data.metrics) == ("FAILED", {"train/loss": 1.0})


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "postgresql://user:secret@127.0.0.1:9/db"])
def test_an_unreachable_server_is_told_before_training_starts(tiny, monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    begun = time.perf_counter()
    with pytest.raises(InputError, match="cannot reach .*127.0.0.1:9") as error:
        train.main("near", "gru")
    assert time.perf_counter() - begun < 8
    assert "secret" not in str(error.value)
    assert not list(paths.WORK.rglob("*.state"))


class Guarded(BaseHTTPRequestHandler):
    """A tracking server with a password, which its health is asked without."""

    def do_GET(self):
        own = base64.b64encode(b"us:right").decode()
        known = self.path == "/health" or self.headers.get("Authorization") == f"Basic {own}"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b'{"experiments": []}' if known else b"You are not authenticated.")

    do_POST = do_GET

    def log_message(self, *_):
        pass


def test_a_server_that_wants_another_password_is_told(monkeypatch):
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        for place in (address, f"us:wrong@{address}"):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{place}")
            with pytest.raises(InputError, match=f"http://{address} does not let us in .*401.*MLFLOW_TRACKING_PASSW"):
                store.check()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://us:right@{address}")
        store.check()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{address}")
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "us")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "right")
        store.check()
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        with pytest.raises(MlflowException, match="401"):
            runs.exists("a" * 32)  # no answer is not the answer "no"
        server.shutdown()


def test_a_store_that_mlflow_does_not_take_is_told(tiny, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mlruns")
    with pytest.raises(InputError, match="'mlruns' is not a store .* accepted: sqlite"):
        train.main("near", "gru")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "--task", "nir", "--architecture", "gru"), "error: no task named 'nir'; there are: near"),
        (
            ("train", "--task", "near", "--architecture", "gruu"),
            "no architecture named 'gruu'; there are: gru, identity",
        ),
        (("evaluate", "--task", "near"), "run `dvc repro train@near-gru` first"),
        (
            ("nothing",),
            "error: no command named 'nothing'; there are: benchmark, claims, convergence, diagnose",
        ),
    ],
)
def test_a_mistake_is_one_line_and_a_code(tiny, words, told):
    process = stage("pipeline", *words)
    _, error = process.communicate(timeout=60)
    assert process.returncode != 0
    assert told in error
    assert "Traceback" not in error


def test_missing_inputs_name_the_stage_to_run(project):
    project(**TINY)
    with pytest.raises(InputError, match="run `dvc repro fetch@near` first"):
        prepare.main("near")
    with pytest.raises(InputError, match="run `dvc repro prepare@near` first"):
        train.main("near", "gru")


LIMITED = """
import resource, sys
from pipeline.common import command
from pipeline import prepare
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
command.run(prepare.main, ["--task", "near"])
"""


def test_a_disk_that_is_full_leaves_the_old_output_whole(tiny):
    """The system refuses to write past 2,000 bytes, as a full disk would: one line, a code, nothing half written."""
    before = files.digest(paths.prepared("near"))
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert files.digest(paths.prepared("near")) == before
    assert [path.name for path in paths.prepared("near").parent.iterdir()] == ["near"]


KILLED = """
import os, signal
from pipeline import prepare
from pipeline.tasks.shared import auditing
auditing.of = lambda *args, **more: os.kill(os.getpid(), signal.SIGKILL)
prepare.main("near")
"""


def test_a_kill_within_prepare_leaves_the_old_output_whole(tiny):
    before = files.digest(paths.prepared("near"))
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert files.digest(paths.prepared("near")) == before
    prepare.main("near")
    assert files.digest(paths.prepared("near")) == before
    assert [path.name for path in paths.prepared("near").parent.iterdir()] == ["near"]


def test_params_prints_every_setting_with_its_meaning(tiny, capsys):
    params.main()
    printed = capsys.readouterr().out
    for told in (
        "tasks.near",
        "lag = 20",
        "choice.threshold = 0.1",
        "train:",
        "seeds = 2",
        "# Number of seeds with which a cell is trained",
    ):
        assert told in printed


def test_a_pool_of_threads_in_this_process_does_not_stop_trainings_forked_later(project):
    torch.set_num_threads(2)
    matrix = torch.rand(2000, 2000)
    torch.nn.functional.linear(matrix, matrix)
    project(**{**TINY, "train": {**TINY["train"], "seeds": 1}})
    for stage_main in (fetch.main, prepare.main, sweep.main):
        stage_main("near")
    train.main("near", "gru")
    assert (paths.trained("near", "gru") / "3.safetensors").exists()
