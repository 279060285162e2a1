"""Copy one task's source into the project: reviews or a series; tasks drawn at random have none.

    pipeline fetch --task imdb

reads   the source that params.yaml names, data/sources, data/victoria_2014.csv; params: tasks.TASK
writes  data/raw/TASK, reports/revisions/TASK.json

If the source differs from the one fetched before, rows that both have are compared: one line reports how many changed
and where the first is, and reports/revisions keeps it. Nothing is refused. That file is not an output of the DVC stage:
it depends on what was fetched before, so later stages would run again on the same data.
"""

from pathlib import Path
from typing import Required, TypedDict

from pipeline.common import InputError, command, files, paths, records
from pipeline.tasks import Task, make


class Revision(TypedDict, total=False):
    """reports/revisions/TASK.json; without numbers where rows could not be compared."""

    digest: Required[str | None]  # SHA-256 of the source as it is
    digest_before: str | None
    rows: int  # that the source had
    changed: int
    gone: int
    first_changed: str  # where, and what changed
    first_gone: str
    sentence: Required[str]


def main(task: command.TaskName) -> None:
    task_of_params = make(task)
    with files.replacing(paths.raw(task)) as folder:
        folder.mkdir()
        source = task_of_params.fetch(folder)
        files.write_json(folder / "source.json", source)
        revision = compare(task_of_params, paths.raw(task), folder)
        if revision:
            files.write_json(paths.revisions(task), revision)
    print(f"{task}: {source['source']}, {source['bytes']:,} bytes, SHA-256 {source['digest']}")
    if revision:
        print(f"{task}: {revision['sentence']}")


def compare(task: Task, before: Path, after: Path) -> Revision | None:
    """What changed in earlier rows, from the folders fetched before and after; None if the source is the same."""
    if not (before / "source.json").exists():
        return None
    digest = records.read_source(after)["digest"]
    try:
        earlier = records.read_source(before).get("digest")
        if earlier == digest:
            return None
        revised = task.revised(before, after)
    except InputError as error:
        return {"digest": digest, "sentence": f"earlier rows were not compared: {error}"}
    if revised is None:
        return None
    return {"digest": digest, "digest_before": earlier, **revised}


if __name__ == "__main__":
    command.run(main)
