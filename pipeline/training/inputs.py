"""Everything that decides a training's result, as values to compare or digest: settings, data and code."""

from pathlib import Path
from typing import Any

import pipeline
from pipeline.common import files, paths
from pipeline.common.code import digests
from pipeline.common.params import Params
from pipeline.tasks import make

HOW_ALONE = ("seeds", "processes", "checkpoint_seconds")  # settings of train that change no result


def all_that_decides(task: str, architecture: str, params: Params) -> list[Any]:
    """Plain values that are equal exactly when two trainings of this architecture on this task have equal results."""
    package = Path(pipeline.__file__).parent
    code = [package / name for name in ("train.py", "common", "training")]
    code += [package / "architectures" / name for name in ("__init__.py", "shared", f"{architecture}.py")]
    return [
        *(params[key] for key in ("scale", "seed")),
        params["tasks"].get(task),
        params["architectures"].get(architecture),
        params.get("model"),
        {name: value for name, value in (params.get("train") or {}).items() if name not in HOW_ALONE},
        files.digest(paths.prepared(task)),
        digests(type(make(task, params)).__module__),
        files.digest(*code),
    ]
