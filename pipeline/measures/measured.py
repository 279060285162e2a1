"""What other stages wrote, for stages that measure nothing themselves."""

from pathlib import Path
from typing import Any

from pipeline.config import InputError, files, paths


class Measured:
    """What the stages wrote. Raises InputError for what is not there."""

    def stage(self, name: str) -> dict[str, Any]:
        return self._read(paths.found(name), name)

    def task(self, name: str) -> dict[str, Any]:
        return self._read(paths.metrics(name), f"evaluate@{name}")

    @staticmethod
    def _read(path: Path, stage: str) -> Any:
        if not path.exists():
            raise InputError(f"no {path}: run `dvc repro {stage}` first")
        return files.read_json(path)
