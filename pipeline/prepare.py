"""Make one task's splits: memory-mapped Arrow files, what was learned from the training split, and an audit.

    pipeline prepare --task imdb

reads   data/raw/TASK; params: scale, seed, tasks.TASK
writes  data/prepared/TASK, data/code/TASK.json
"""

from pipeline.common import InputError, code, command, files, paths, records
from pipeline.common.params import load
from pipeline.common.records import Audit
from pipeline.tasks import make


def main(task: command.TaskName) -> None:
    params = load()
    made = make(task, params)
    raw = paths.raw(task)
    if not (raw / "source.json").exists():
        raise InputError(f"no source in {raw}: run `dvc repro fetch@{task}` first")
    with files.replacing(paths.prepared(task)) as folder:
        folder.mkdir()
        source = records.read_source(raw)
        audit: Audit = {"source": source, **made.prepare(raw, folder, params["seed"])}
        files.write_json(folder / "audit.json", audit)
    files.write_json(paths.code(task), code.digests(type(made).__module__))
    print(f"{task}: " + ", ".join(f"{count:,} {split}" for split, count in audit["rows"].items()))
    for note in (*source.get("notes", ()), *audit.get("notes", ())):
        print(f"{task}: {note}")


if __name__ == "__main__":
    command.run(main)
