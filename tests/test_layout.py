"""The layout keeps its promises: imports point one way, and DVC sees every module that can change a stage's result."""

import ast
from pathlib import Path

import pytest
import yaml

from pipeline.common.params import KEYS

ROOT = Path(__file__).parent.parent
LAYERS = ["config", "tasks", "baselines", "architectures", "training", "measures", "search", "tracking"]
MAY_IMPORT = {folder: set(LAYERS[:number]) for number, folder in enumerate(LAYERS)}
MAY_IMPORT["architectures"] -= {"baselines"}
MAY_IMPORT["training"] -= {"baselines"}
MAY_IMPORT["deck"] = set()
MAY_IMPORT["measures"] |= {"deck", "services"}
MAY_IMPORT["tracking"] |= {"reporting"}
MAY_IMPORT["reporting"] = {"config", "tasks", "measures"}
MAY_IMPORT["services"] = {"config", "tasks", "architectures"}
MAY_IMPORT["serving"] = MAY_IMPORT["services"] | {"services"}
MAY_IMPORT["tracking"] |= {"services"}
MAY_IMPORT["jobs"] = {"config", "tasks"}
EXEMPT = (
    "pipeline/tracking",
    "pipeline/reporting",
    "pipeline/serving",
)  # cannot change what a computing stage finds
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "pipeline").rglob("*.py"))
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def imported(path: Path) -> set[str]:
    """The dotted `pipeline...` modules that a file imports, at its top or within its functions."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pipeline"):
            found |= {f"{node.module}.{name.name}" for name in node.names} | {node.module}
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("pipeline")}
    return found - {"pipeline"}


def source(name: str) -> Path | None:
    """The file of a dotted module, if there is one."""
    module = Path(*name.split("."))
    candidates = (module.with_suffix(".py"), module / "__init__.py")
    return next((path for path in candidates if (ROOT / path).exists()), None)


def reached(path: Path) -> set[Path]:
    """The files a stage imports, directly or through others; exempt folders are not followed."""
    files, queue = set(), [path]
    while queue:
        file = queue.pop()
        if file in files or str(file).startswith(EXEMPT):
            continue
        files.add(file)
        queue += [found for name in imported(file) if (found := source(name))]
    return files


@pytest.mark.parametrize("path", [p for p in MODULES if p.parts[1] in MAY_IMPORT], ids=str)
def test_imports_point_one_way(path):
    folder = path.parts[1]
    used = {name.split(".")[1] for name in imported(path)}
    assert used <= MAY_IMPORT[folder] | {folder}


def test_stages_do_not_import_each_other():
    stages = {path.stem for path in MODULES if path.parent == Path("pipeline")} - {"__init__", "__main__"}
    for path in MODULES:
        used = {name.split(".")[1] for name in imported(path) if (source(name) or Path()).parent == Path("pipeline")}
        assert used & stages == set(), f"{path} imports a stage"


@pytest.mark.parametrize("stage", [name for name in STAGES if name not in ("report", "machine")])
def test_dvc_sees_every_module_a_stage_uses(stage):
    deps = {dep.replace("${item.architecture}", "gru") for dep in STAGES[stage]["deps"]}
    files = reached(Path(f"pipeline/{stage}.py")) - {Path("pipeline/__init__.py")}
    unseen = {str(f) for f in files if not deps & {str(f), *map(str, f.parents)}}
    assert unseen == set(), f"add to the deps of {stage} in dvc.yaml"


def test_editing_one_architecture_touches_its_cells_alone():
    named = {dep for dep in STAGES["train"]["deps"] if dep.startswith("pipeline/architectures")}
    own = {f"pipeline/architectures/{name}.py" for name in ("rnn", "gru", "lstm", "min_gru", "transformer")}
    assert named & own == set()
    assert "pipeline/architectures/${item.architecture}.py" in named
    assert "pipeline/architectures" not in named


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_says_what_dvc_knows(stage):
    """The docstring's `writes` names every output, and the command is the file of the stage's name."""
    told = ast.get_docstring(ast.parse((ROOT / f"pipeline/{stage}.py").read_text()))
    writes = told.split("writes", 1)[1]
    for kind in ("outs", "metrics", "plots"):
        for out in STAGES[stage].get(kind, []):
            path = next(iter(out)) if isinstance(out, dict) else out
            path = path.replace("${item.task}", "TASK").replace("${item.architecture}", "ARCHITECTURE")
            path = path.replace("${scale}", "SCALE")
            assert path in writes
    assert STAGES[stage]["cmd"].startswith(f"python -m pipeline.{stage}")
    for param in STAGES[stage].get("params", []):
        assert param.split(".")[0] in KEYS


OWNERS = {
    "mlflow": {"tracking", "serving"},
    "accelerate": {"training"},
    "pydantic": {"config", "tasks", "baselines", "architectures"},
    "datasets": {"tasks"},
    "tokenizers": {"tasks"},
    "rensa": {"tasks"},
    "sklearn": {"baselines"},
    "optuna": {"search", "tracking", "reporting"},
    "plotly": {"reporting"},
    "matplotlib": {"reporting", "tracking"},
}


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_one_home(library):
    users = set()
    for path in MODULES:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == library for name in names):
                users.add(path.parts[1])
    assert users
    assert users - {"params.py"} <= OWNERS[library]


def test_files_tell_one_story():
    long = {str(path): count for path in MODULES if (count := len((ROOT / path).read_text().splitlines())) > 220}
    assert long == {}
