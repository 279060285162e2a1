"""What tests share: threads set before the first tensor, a project folder of one's own, a tiny prepared task."""

import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that spin slow others down a hundredfold

import pytest
import torch
import yaml

from pipeline.architectures.shared.settings import Model
from pipeline.common import files
from pipeline.common.registry import find
from pipeline.tasks import Prepared, Task
from pipeline.training import worker_processes
from pipeline.training.choice import Choice
from pipeline.training.settings import Train
from pipeline.training.setup import Run, configure_threads, set_up

os.environ["PATH"] = (
    f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # dvc, and the python that it runs
)
configure_threads(1)
# A forked process waits for ever for threads that its parent had started: with one thread it needs none.
worker_processes.configure_threads = lambda threads: configure_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # also in a shell's background job, which would ignore it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also under nohup
os.environ.pop("MLFLOW_TRACKING_URI", None)  # no test may write to the developer's own server
TINY = {"examples": 128, "held_out": 32, "epochs": 3, "steps_per_epoch": 4, "batch_size": 16, "parameters": 1000}


LONG = [  # files whose tests take minutes: they begin first, so that no process waits for another at the end
    "kills", "retrain_whole", "links", "servers", "own_tasks", "experiments", "params_fuzz", "fuzz_requests", "search",
    "stages", "promote", "deleted", "serve", "served_exchange", "predict", "blend_packages", "panel_champion",
    "services", "lineage", "evidence", "drift_command", "registry", "retrain",
]  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """After the random order; each file's tests stay together."""
    ranks = {f"test_{name}.py": rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """Every test, with the fixtures set up for it, leaves environment and signals as they were.

    MLflow writes each store's address to MLFLOW_TRACKING_URI for the processes that it starts: without this the next
    test's processes would use the last test's store. (The working directory is left to fixtures: a module's tests may
    share a project.)
    """
    environment = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        return (yield)
    finally:
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def pytest_runtest_setup(item):
    """Draws without a generator of their own differ from run to run, and are repeated by --randomly-seed."""
    torch.manual_seed(item.config.getoption("randomly_seed", 0) + zlib.crc32(item.nodeid.encode()))


def prepare(folder: Path, kind: str, seed: int = 0, **settings) -> Prepared:
    """A drawn task, prepared in `folder`."""
    task = find(Task, kind)(**{**TINY, **settings})
    folder.mkdir(parents=True)
    files.write_json(folder / "audit.json", task.prepare(Path("nowhere"), folder, seed))
    return Prepared(task, folder)


def tiny_run(prepared: Prepared, architecture: str = "gru", choice: dict | None = None, seed: int = 0, **train) -> Run:
    """A small network on a prepared task, ready to be trained on the CPU."""
    settings = Train(device="cpu", **train)
    return set_up(prepared, architecture, {}, Choice(**(choice or {})), Model(embedding=8), settings, seed)


@pytest.fixture(scope="session", autouse=True)
def shared_tables(tmp_path_factory):
    """Where tests use MLflow, their databases' tables are made once."""
    with pytest.MonkeyPatch.context() as patch:
        if "mlflow" in sys.modules:
            import empty_store

            empty_store.share(patch, tmp_path_factory.mktemp("store") / "empty.db")
        yield


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Nothing in this process starts a pool of threads: processes forked later would wait for it for ever."""
    monkeypatch.setattr("pipeline.evaluate.cores", lambda: 1)
    torch.set_num_threads(1)


@pytest.fixture
def recall(tmp_path):
    return prepare(tmp_path / "recall", "recall", lag=20)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project in a temporary folder, the working directory; gives a function that sets params.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def write(**values):
        Path("params.yaml").write_text(yaml.safe_dump({"scale": "smoke", **values}, sort_keys=False))
        return tmp_path

    return write


@pytest.fixture(scope="module")
def unchecked():
    """A package's classes have the names of ours, by which the checker of annotations would mistake them for ours."""
    finders = list(sys.meta_path)
    sys.meta_path[:] = [finder for finder in finders if "jaxtyping" not in type(finder).__module__]
    yield
    sys.meta_path[:] = finders


@pytest.fixture(scope="session")
def champions(tmp_path_factory):
    """A project with a champion for reviews (`mine`) and one for a series (`load`), evaluated; its folder."""
    import operated

    from pipeline.tracking import lineage, registry

    root = tmp_path_factory.mktemp("champions")
    with operated.project(root, mine=operated.REVIEWS, load=operated.LOAD):
        params = yaml.safe_load(Path("params.yaml").read_text())
        params |= {"architectures": {"gru": operated.GRU}, "evaluate": {"resamples": 100}}
        params["train"] |= {"seeds": 2}  # side by side, with a thread each
        Path("params.yaml").write_text(yaml.safe_dump(params))
        operated.write_reviews(1000)
        operated.write_load()
        for task in ("mine", "load"):
            operated.run(task)
            _evaluate(task)
            ids = lineage.runs_of(task, "gru")[3]
            version = registry.register(task, ids["run_id"], ids["model_id"])
            registry.move(task, "champion", version.number)
    return root


@pytest.fixture
def in_the_project(champions, monkeypatch):
    """The current folder is that of the champions, and no other store is named."""
    monkeypatch.chdir(champions)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def models(champions, unchecked):
    """Both champions, loaded in this process."""
    from pipeline.tracking import packages, registry, store

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(champions)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return {task: packages.load(registry.champion(task).uri, store.uri()) for task in ("mine", "load")}


def _evaluate(task: str) -> None:
    """In a process of its own, which takes all cores."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    subprocess.run([sys.executable, "-m", "pipeline.evaluate", "--task", task], env=environment, check=True)
