"""MLflow's database in a folder that was moved or copied: its addresses follow, and the original is left alone."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.common import InputError, files, paths
from pipeline.tracking import moved, registry, runs, store

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project's database and artifacts: a run with a file, and its model, which is version 1."""
    root = tmp_path_factory.mktemp("made") / "the project"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        run_id = runs.start("mine", "a run", {"stage": "test"}, {})
        runs.client().log_text(run_id, "of the original", "note.txt")
        model = runs.client().create_logged_model(runs.experiment("mine"), "gru", run_id)
        files.write_text(Path("package/MLmodel"), "a model")
        runs.client().log_model_artifacts(model.model_id, "package")
        runs.client().finalize_logged_model(model.model_id, "READY")
        registry.register("mine", run_id, model.model_id)
        runs.finish(run_id)
    return root


@pytest.fixture
def original(made, tmp_path, monkeypatch):
    """The same project at another place, which its database knows."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = shutil.copytree(made, tmp_path / "über original")
    monkeypatch.chdir(root)
    store.check()
    return root


def addresses() -> list[str]:
    with closing(sqlite3.connect(paths.DATABASE)) as database:
        return [
            value
            for table, column in moved.COLUMNS
            for (value,) in database.execute(f"SELECT {column} FROM {table}")
            if not value.startswith("models:/")
        ]


def enter(root: Path, monkeypatch) -> None:
    """Begin to work in a folder, as a new process does: MLflow notes a store's address in the environment."""
    monkeypatch.chdir(root)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


WORK = """
from pipeline.tracking import registry, runs, store
store.check()
(version,) = registry.versions("mine")
assert (registry.folder(version) / "MLmodel").read_text() == "a model"
for run_id in (version.run_id, runs.start("mine", "another", {"stage": "test"}, {})):
    runs.client().log_text(run_id, "new", "new.txt")
"""


def work_in(root: Path) -> str:
    """What any stage or command does, in a process of its own: looks at the store, reads what is there, and adds to it.

    Gives what it reports.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    done = subprocess.run([sys.executable, "-c", WORK], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (root / "mlartifacts/mine").rglob("*.txt")) == [
        "new.txt",
        "new.txt",
        "note.txt",
    ]
    return done.stderr


def test_the_store_of_a_moved_folder_follows(original, tmp_path, monkeypatch):
    new = original.rename(tmp_path / "a new place")
    report = work_in(new)
    assert not original.exists()
    assert f"mlflow.db was made in {original} and is now in {new}: 5 artifact URIs" in report
    enter(new, monkeypatch)
    assert len(addresses()) == 6
    assert all(address.removeprefix("file://").startswith(str(tmp_path)) for address in addresses())
    again = new.rename(tmp_path / "another")
    enter(again, monkeypatch)
    store.check()
    assert [address for address in addresses() if "/another/" not in address] == []


def test_a_copy_never_writes_into_its_original(made, tmp_path):
    before = files.digest(made)
    work_in(shutil.copytree(made, tmp_path / "copy"))
    assert files.digest(made) == before


def test_the_database_as_it_was_is_kept(original, tmp_path, monkeypatch):
    before = addresses()
    enter(original.rename(tmp_path / "moved"), monkeypatch)
    store.check()
    assert addresses() != before
    shutil.copy(moved.BACKUP, paths.DATABASE)
    assert addresses() == before


def test_an_interrupted_change_leaves_the_database_as_it_was(original, tmp_path, monkeypatch):
    before = addresses()
    enter(original.rename(tmp_path / "moved"), monkeypatch)

    def fail(*_):
        yield f"{(original / 'mlartifacts').as_uri()}/", "file:///elsewhere/"
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(moved, "prefixes", fail)
        with pytest.raises(OSError, match="disk full"):
            store.check()
    assert addresses() == before
    store.check()
    assert addresses() != before


def test_of_two_processes_at_once_one_rewrites(original, tmp_path):
    copy = shutil.copytree(original, tmp_path / "copy")
    words = [sys.executable, "-c", "from pipeline.tracking import store; store.check()"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begun = [subprocess.Popen(words, cwd=copy, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate()[1] for process in begun]
    assert [process.returncode for process in begun] == [0] * 4
    assert "".join(errors).count("artifact URIs were updated") == 1


def test_a_store_that_the_user_names_is_left_alone(original, tmp_path, monkeypatch):
    enter(original.rename(tmp_path / "moved"), monkeypatch)
    before = addresses()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/moved/mlflow.db")
    store.check()
    assert addresses() == before


def test_artifacts_that_stayed_behind_are_named_with_the_command(original, tmp_path, monkeypatch):
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(original / paths.DATABASE, copy)
    enter(copy, monkeypatch)
    with pytest.raises(
        InputError, match=r"artifacts are missing here: run `cp -r .*über original/mlartifacts .` and start"
    ):
        store.check()
    shutil.copytree(original / "mlartifacts", "mlartifacts")
    work_in(copy)


def test_artifacts_that_are_kept_elsewhere_on_purpose_stay_there(original, tmp_path, monkeypatch):
    disk = tmp_path / "disk/mlartifacts"
    disk.mkdir(parents=True)
    runs.client().create_experiment("large", artifact_location=(disk / "large").as_uri())
    runs.client().create_experiment("remote", artifact_location="s3://bucket/mlartifacts/remote")
    enter(original.rename(tmp_path / "moved"), monkeypatch)
    store.check()
    kept = {e.name: e.artifact_location for e in runs.client().search_experiments()}
    assert kept["large"] == (disk / "large").as_uri()
    assert kept["remote"] == "s3://bucket/mlartifacts/remote"
    assert kept["mine"] == (tmp_path / "moved/mlartifacts/mine").as_uri()


def test_what_an_earlier_version_wrote_to_the_old_place_is_named(original, tmp_path, monkeypatch, capsys):
    enter(original.rename(tmp_path / "moved"), monkeypatch)
    files.write_text(original / "mlartifacts/mine/run/artifacts/note.txt", "written after the move")
    store.check()
    assert f"for what was written to {original} since: `cp -rn {original}/mlartifacts .`" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b""])
def test_without_experiments_there_is_nothing_to_do(project, content):
    project(tasks={})
    if content is not None:
        paths.DATABASE.write_bytes(content)
    moved.follow()
    assert not moved.BACKUP.exists()


def test_make_takes_the_scripts_of_another_folder_for_none(tmp_path):
    """They would run the other folder's code."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    ready = tmp_path / ".venv/ready"
    files.write_text(ready, f"{tmp_path.resolve()}\n")
    assert "-m venv" not in made_by(tmp_path)
    for content in ("/the/original\n", ""):
        ready.write_text(content)
        assert "-m venv --clear .venv" in made_by(tmp_path)


def made_by(place: Path) -> str:
    """The commands that `make setup` would run."""
    words = ["make", "--dry-run", "setup"]
    return subprocess.run(words, cwd=place, capture_output=True, text=True, check=True).stdout
