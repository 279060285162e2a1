"""The layout keeps its promises: imports point one way, and DVC sees every module that can change a stage's result."""

import ast
import functools
import re
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

from pipeline.common.params import KEYS
from pipeline.common.stage_settings import READS

ROOT = Path(__file__).parent.parent
ROOMS = {  # and the rooms that each may import; what is not named here is a stage or a command
    "common": set(),
    "tasks": {"common"},
    "baselines": {"common", "tasks"},
    "blends": {"common", "tasks", "architectures", "baselines"},
    "architectures": {"common", "tasks"},
    "training": {"common", "tasks", "architectures"},
    "evaluation": {"common", "tasks", "architectures", "baselines", "blends", "training"},
    "search": {"common", "tasks", "architectures", "training", "reporting"},
    "services": {"common", "tasks", "architectures", "blends"},
    "serving": {"common", "tasks", "architectures", "blends", "services"},
    "server": {"common", "services", "serving", "tracking"},
    "reporting": {"common", "tasks", "training", "evaluation"},
    "challenges": {
        "common", "tasks", "architectures", "training", "evaluation", "search", "services", "reporting",
    },
    "monitoring": {"common", "evaluation", "services", "reporting"},
    "tracking": {
        "common", "tasks", "architectures", "blends", "training", "evaluation", "search", "services", "reporting",
    },
    "promotion": {"common", "tasks", "baselines", "blends", "training", "evaluation", "services", "tracking"},
    "inspection": {"common", "tasks"},
    "jobs": {"common", "tasks", "evaluation", "monitoring", "promotion", "reporting"},
    "provenance": {"common", "tasks", "architectures", "blends", "promotion", "tracking", "jobs"},
}  # fmt: skip
SHARED_CHALLENGES = {"deck", "shared"}  # folders of challenges that others of them may import
EXEMPT = ("pipeline/tracking", "pipeline/reporting", "pipeline/serving")  # cannot change what a computing stage finds
MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "pipeline").rglob("*.py"))
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@functools.cache
def tree(path: Path) -> ast.Module:
    """A file's syntax, which most tests here read."""
    return ast.parse((ROOT / path).read_text())


@functools.cache
def imported(path: Path) -> set[str]:
    """The dotted `pipeline...` modules that a file imports, at its top or within its functions."""
    found = set()
    for node in ast.walk(tree(path)):
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


def test_every_folder_is_a_room_and_says_what_it_holds():
    folders = {path.parent for path in MODULES} - {Path("pipeline")}
    assert {folder.parts[1] for folder in folders} == {*ROOMS}
    silent = [str(f) for f in folders if not ast.get_docstring(ast.parse((ROOT / f / "__init__.py").read_text()))]
    assert silent == []


@pytest.mark.parametrize("path", [p for p in MODULES if len(p.parts) > 2], ids=str)
def test_imports_point_one_way(path):
    folder = path.parts[1]
    used = {name.split(".")[1] for name in imported(path)}
    assert used <= ROOMS[folder] | {folder}


def test_rooms_do_not_import_each_other_in_circles():
    left = {folder: set(uses) for folder, uses in ROOMS.items()}
    while free := [folder for folder, uses in left.items() if not uses & left.keys()]:
        for folder in free:
            del left[folder]
    assert left == {}


@pytest.mark.parametrize("path", [p for p in MODULES if p.parts[1] == "challenges" and len(p.parts) > 3], ids=str)
def test_a_challenge_stands_alone(path):
    challenge = path.parts[2]
    used = {name.split(".")[2] for name in imported(path) if name.startswith("pipeline.challenges.")}
    assert used <= {challenge, *SHARED_CHALLENGES, "GUESSING"}
    assert challenge not in SHARED_CHALLENGES or used <= SHARED_CHALLENGES | {"GUESSING"}


def test_no_room_imports_what_another_holds_private():
    private = {f"{path}: {name}" for path in MODULES for name in imported(path) if name.rsplit(".", 1)[1][0] == "_"}
    assert private == set()


def test_stages_do_not_import_each_other():
    stages = {path.stem for path in MODULES if path.parent == Path("pipeline")} - {"__init__", "__main__"}
    for path in MODULES:
        used = {name.split(".")[1] for name in imported(path) if (source(name) or Path()).parent == Path("pipeline")}
        assert used & stages == set(), f"{path} imports a stage"


@pytest.mark.parametrize("stage", [name for name in STAGES if name not in ("report", "params")])
def test_dvc_sees_every_module_a_stage_uses(stage):
    deps = {dep.replace("${item.architecture}", "gru") for dep in STAGES[stage]["deps"]}
    files = reached(Path(f"pipeline/{stage}.py")) - {Path("pipeline/__init__.py")}
    if "data/code/${item.task}.json" in deps:  # digests of the code that makes the task what it is
        files = {file for file in files if file.parts[1] != "tasks"}
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
    described = ast.get_docstring(ast.parse((ROOT / f"pipeline/{stage}.py").read_text()))
    writes = described.split("writes", 1)[1]
    for kind in ("outs", "metrics", "plots"):
        for out in STAGES[stage].get(kind, []):
            path = next(iter(out)) if isinstance(out, dict) else out
            path = path.replace("${item.task}", "TASK").replace("${item.architecture}", "ARCHITECTURE")
            path = path.replace("${scale}", "SCALE")
            assert path in writes
    assert STAGES[stage]["cmd"].startswith(f"python -m pipeline {stage}")
    if stage in READS:
        item = stage_item(STAGES[stage])
        assert f".work/settings/{stage}{item}.json" in STAGES[stage]["deps"]
        stated = " ".join(described.split("params:")[1].split("writes")[0].split())
        assert stated == ", ".join(READS[stage])
        assert {place.split(".")[0] for place in READS[stage]} <= {*KEYS}


def stage_item(stage):
    """What a matrix adds to its stages' names."""
    values = [f"${{item.{name}}}" for name in stage.get("matrix", {})]
    return f"@{'-'.join(values)}" if values else ""


UNUSED = {"evidence": {"sweep"}}  # of search's plan, which only the sweep asks for


@pytest.mark.parametrize("stage", READS)
def test_a_stage_reads_no_section_that_its_file_lacks(stage):
    """It would get the defaults in place of what params.yaml says."""
    code = [(ROOT / file).read_text() for file in reached(Path(f"pipeline/{stage}.py"))]
    used = {name.lower() for text in code for name in re.findall(r"\bsection\(([A-Z]\w+)", text)}
    assert used - UNUSED.get(stage, set()) <= {*READS[stage]}


def test_every_stage_has_settings():
    assert {*READS} == {*STAGES} - {"params"}


OWNERS = {
    "mlflow": {"tracking"},
    "accelerate": {"training"},
    "pydantic": {*ROOMS} - {"reporting", "services", "serving", "tracking"},
    "datasets": {"tasks"},
    "tokenizers": {"tasks"},
    "rensa": {"tasks"},
    "sklearn": {"baselines"},
    "optuna": {"search", "tracking"},
    "plotly": {"reporting", "challenges", "monitoring", "search"},
    "matplotlib": {"jobs"},
    "fastapi": {"server"},
    "uvicorn": {"server"},
    "prometheus_client": {"server"},
}


EXCEPTIONS = {  # single files outside a library's home, and why they must be
    "pipeline/baselines/linear_phrases.py": {"tokenizers": "a package of this baseline has a tokenizer of its own"},
    "pipeline/serving/model.py": {"mlflow": "MLflow runs this file within a package, which carries no tracking"},
}


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_one_home(library):
    users = set()
    for path in MODULES:
        for node in ast.walk(tree(path)):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.split(".")[0] == library for name in names) and library not in EXCEPTIONS.get(str(path), {}):
                users.add(path.parts[1])
    assert users
    assert users - {"params.py"} <= OWNERS[library]


def test_a_client_of_mlflow_stays_in_its_home():
    users = set()
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] == "client":
                users.add(path.parts[1])
    assert users == {"tracking"}


WRITES = {name for name in dir(MlflowClient) if re.match("(create|delete|finalize|log|restore|set|update)_", name)}


def writes_of_a_client(node: ast.AST, unbroken: bool = False) -> list[tuple[int, str, bool]]:
    """Line and name of each method of MLflow's client that writes, and whether no interrupt can cut it."""
    if isinstance(node, ast.With):
        unbroken |= any(ast.unparse(item.context_expr) == "unbroken()" for item in node.items)
    if isinstance(node, ast.Call):
        unbroken |= ast.unparse(node.func) == "written"
    written = [entry for child in ast.iter_child_nodes(node) for entry in writes_of_a_client(child, unbroken)]
    of_client = isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("client()", "client", "made")
    return [*written, (node.lineno, node.attr, unbroken)] if of_client and node.attr in WRITES else written


def test_no_interrupt_cuts_a_write_to_the_store():
    """Such a write keeps its lock as long as the process lives: see runs.written."""
    home = [path for path in MODULES if path.parts[1] == "tracking"]
    written = {path: writes_of_a_client(tree(path)) for path in home}
    assert sum(map(len, written.values())) > 15
    entries = [(path, *write) for path, writes in written.items() for write in writes]
    cut = [f"{path}:{line} {name}" for path, line, name, unbroken in entries if not unbroken]
    assert cut == []


def test_files_tell_one_story():
    long = {str(path): count for path in MODULES if (count := len((ROOT / path).read_text().splitlines())) > 220}
    assert long == {}


BANNED = {  # words that say nothing of what a name holds, and metaphors
    "told", "found", "one", "every", "some", "own", "alone", "fresh", "scored", "rival", "rivals", "said", "came",
    "given", "mend", "mending", "judging", "answering", "remembered", "restored", "readings", "over_seeds",
    "Court", "Remembered", "SideBySide", "settle", "taught", "placed", "Placed", "spoiled", "when", "unstated",
    "turned", "such", "meant", "tell_apart", "kept_as", "Known", "Done",
}  # fmt: skip
BANNED_WHERE_FILES_ARE_READ = {  # in the rooms tasks and inspection
    "made", "taken", "held", "lacking", "lacks", "stated", "there", "wanted", "kept", "again", "near", "apart", "stays",
    "here",
}  # fmt: skip


def keys_of_records(tree: ast.Module) -> set[ast.expr]:
    """The fields of the classes of a file of record types: keys of JSON files, which stay as they are."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {field.target for each in classes for field in each.body if isinstance(field, ast.AnnAssign)}


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_names_say_what_they_hold(path):
    names: set[str] = set()
    module = tree(path)
    keys = keys_of_records(module) if path.stem.endswith("records") else set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in keys:
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name)
    settings = {"every"} if path.name == "settings_of_series.py" else set()  # `every: 1h` says what it is
    banned = BANNED | (BANNED_WHERE_FILES_ARE_READ if path.parts[1] in ("tasks", "inspection") else set())
    assert names & banned - settings == set()
    assert path.stem not in BANNED


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_conditional_stands_within_another(path):
    conditionals = [node for node in ast.walk(tree(path)) if isinstance(node, ast.IfExp)]
    parts = ((node.lineno, part) for node in conditionals for part in (node.body, node.test, node.orelse))
    assert [line for line, part in parts if isinstance(part, ast.IfExp)] == []


SEVERAL_IN_A_LINE = {  # files with such assignments: no others may have them
    "common/params.py", "reporting/tables.py",
    "tasks/__init__.py", "training/loop.py",
}  # fmt: skip


@pytest.mark.parametrize("path", [p for p in MODULES if str(p)[9:] not in SEVERAL_IN_A_LINE], ids=str)
def test_an_assignment_of_several_values_is_a_swap_or_unpacks_one(path):
    """`a, b = x, y` hides two statements in a line; `a, b = pair` and `a, b = b, a` stand for one."""
    unrelated = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            targets = [target.elts for target in node.targets if isinstance(target, ast.Tuple)]
            values = {ast.unparse(value) for value in node.value.elts}
            unrelated += [node.lineno for names in targets if values != {ast.unparse(name) for name in names}]
    assert unrelated == [], "one line for each"
