"""Make one task's splits: memory-mapped Arrow files, what was learned from the training split, and an audit.

    pipeline prepare --task imdb

reads   data/raw/TASK; params: seed, tasks.TASK
writes  data/prepared/TASK, data/code/TASK.json
"""

from pipeline.common import InputError, code, command, files, paths, records
from pipeline.common.params import load
from pipeline.common.records import Audit, TableRecord
from pipeline.tasks import make
from pipeline.tasks.shared.tables import summary


def main(task: command.TaskName) -> None:
    params = load()
    task_of_params = make(task, params)
    raw = paths.raw(task)
    if not (raw / "source.json").exists():
        raise InputError(f"no source in {raw}: run `dvc repro fetch@{task}` first")
    with files.replacing(paths.prepared(task)) as folder:
        folder.mkdir()
        source = records.read_source(raw)
        audit: Audit = {"source": source, **task_of_params.prepare(raw, folder, params["seed"])}
        files.write_json(folder / "audit.json", audit)
    files.write_json(paths.code(task), code.digests(type(task_of_params).__module__))
    print(f"{task}: " + ", ".join(f"{count:,} {split}" for split, count in audit["rows"].items()))
    for place, record in tables_of(audit):
        print(f"{task}: {place} was read as {summary.sentence(record)}")
    for note in (*source.get("notes", ()), *audit.get("notes", ())):
        print(f"{task}: {note}")


def tables_of(audit: Audit) -> list[tuple[str, TableRecord]]:
    """Each file of a source, and what it was read as."""
    source = audit["source"]
    by_split = source.get("table", {})
    tables = [(f"{source['source']} ({split})", record) for split, record in by_split.items()]
    return tables + ([(source["source"], audit["table"])] if "table" in audit else [])


if __name__ == "__main__":
    command.run(main)
