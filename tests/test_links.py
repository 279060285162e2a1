"""DVC's cache as hard links or symbolic links: all works, and nothing is written through a link into the cache."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import machines
import operated
import pytest
import reviews
import yaml
from machines import World, call

from pipeline.common import files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
MINE = {**operated.REVIEWS, "source": "data/sources/reviews.csv", "epochs": 2}
SETTINGS = {
    **operated.SETTINGS,
    "architectures": {"gru": operated.GRU},
    "evaluate": {"resamples": 100},
    "sweep": {"tasks": []},
    "tasks": {"mine": MINE},
}
SOURCE = Path("data/sources/reviews.csv")


@pytest.mark.parametrize("kind", ["hardlink", "symlink"])
def test_all_works_with_a_cache_of_links(tmp_path, kind):
    world = World(tmp_path, SETTINGS)
    owner = world.machine("owner")
    call(owner, "dvc", "config", "cache.type", kind)
    add_report(owner)
    write_reviews(owner, 400)
    world.add_data(owner, str(SOURCE))
    assert linked(owner / SOURCE, kind)
    run(owner, "pipeline.retrain")
    outputs = [file for place in ("data/raw", "data/prepared", "models/mine") for file in all_files(owner / place)]
    outputs += [owner / "reports/index.html", *all_files(owner / "reports/predictions")]
    outputs += all_files(owner / "models/champions/mine")
    assert [file for file in outputs if not linked(file, kind)] == []
    assert_cache_is_sound(owner)
    assert call(owner, "dvc", "repro").count("Running stage") == 1  # that of the settings, which runs each time
    machines.commit(owner, "First champion")
    machines.git(owner, "push", "--quiet")

    other = world.machine("other")  # which brings champion and source, and registers it
    assert "Nothing new" in run(other, "pipeline.retrain")
    assert linked(other / "models/champions/mine/snapshot.json", kind)
    write_reviews(other, 480)
    assert "1 of 400 earlier rows changed" in run(other, "pipeline.retrain")  # writes every output anew
    for action in ("verify", "restore", "snapshot", "reconcile"):
        run(other, "pipeline.lineage", action)
    file = other / f"{SOURCE}.dvc"
    call(other, "dvc", "add", "--quiet", str(SOURCE))
    whole = yaml.safe_load(file.read_text())
    file.write_text(file.read_text()[:20])
    run(other, "pipeline.recover")
    assert yaml.safe_load(file.read_text()) == whole
    for place in (owner, other):
        assert_cache_is_sound(place)


def write_reviews(place: Path, rows: int) -> None:
    """More rows begin with the same ones, but for one label."""
    written = reviews.corpus(rows)
    if rows > 400:
        written[7] = (written[7][0], 1 - written[7][1])
    files.remove(place / SOURCE)  # as an editor that puts a new file in its place: DVC has the old one read-only
    reviews.write_csv(place / SOURCE, written)


def add_report(place: Path) -> None:
    """The report of what there is here, too."""
    stages = yaml.safe_load((place / "dvc.yaml").read_text())["stages"]
    report = yaml.safe_load((machines.ROOT / "dvc.yaml").read_text())["stages"]["report"]
    made = ("data/prepared", "models", "reports/predictions", "reports/scores", ".work/settings/report.json")
    report["deps"] = [dep for dep in report["deps"] if dep in made or dep.startswith("pipeline")]
    (place / "dvc.yaml").write_text(yaml.safe_dump({"stages": {**stages, "report": report}}, sort_keys=False))


def run(place: Path, module: str, *words: str) -> str:
    """What a command of ours prints, errors among it; without root's right to write to what is read-only."""
    as_others = ["setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(place)}
    done = subprocess.run(
        [*(as_others if os.geteuid() == 0 else ()), sys.executable, "-m", module, *words],
        cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def linked(path: Path, kind: str) -> bool:
    return path.is_symlink() if kind == "symlink" else path.stat().st_nlink > 1


def assert_cache_is_sound(place: Path) -> None:
    """Each file of the cache has the content that its name says."""
    cached = all_files(place / ".dvc/cache/files/md5")
    assert cached
    for path in cached:
        digest = hashlib.md5(path.read_bytes()).hexdigest()
        assert f"{path.parent.name}{path.name}".removesuffix(".dir") == digest, path
