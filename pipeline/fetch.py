"""Copy one task's source into the project: reviews or a series; tasks drawn at random have none.

reads   the source that params.yaml names, data/sources, data/victoria_2014.csv; params: scale, tasks.TASK
writes  data/raw/TASK
"""

from pipeline.common import command, files, paths
from pipeline.tasks import make


def main(task: str) -> None:
    made = make(task)
    with files.replacing(paths.raw(task)) as folder:
        folder.mkdir()
        source = made.fetch(folder)
        files.write_json(folder / "source.json", source)
    print(f"{task}: {source['source']}, {source['bytes']:,} bytes, SHA-256 {source['digest']}")


if __name__ == "__main__":
    command.run(main)
