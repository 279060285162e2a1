"""The code that defines a kind of task: its own module and what that imports from its room, without other kinds."""

import ast
import hashlib
from pathlib import Path

import pipeline

ROOT = Path(pipeline.__file__).parent.parent


def digests(module: str) -> dict[str, str]:
    """SHA-256 of `module`'s file and of each file it imports from its package, directly or indirectly, by path.

    `module` is a dotted name, `pipeline.tasks.forecast`; its package is `pipeline.tasks`. Imports within functions
    count; imports from other packages do not.
    """
    package = module.rsplit(".", 1)[0]
    files: dict[str, str] = {}
    queue = [module]
    while queue:
        file = _file(queue.pop())
        name = str(file.relative_to(ROOT)) if file else ""
        if file and name not in files:
            text = file.read_bytes()
            files[name] = hashlib.sha256(text).hexdigest()
            queue += [imported for imported in _imports(text) if f"{imported}.".startswith(f"{package}.")]
    return dict(sorted(files.items()))


def _imports(text: bytes) -> set[str]:
    """Dotted names that may be modules: of `from a import b`, both a and a.b."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return imported


def _file(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)
