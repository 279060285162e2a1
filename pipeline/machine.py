"""Name this machine in a file, so that what a clock decides is measured anew on another one, and on this one is not.

reads   the processor's name, cores, GPUs and torch's version
writes  .work/machine.json

DVC runs this at each `dvc repro`, and the stages that measure seconds if the file has changed.
"""

from pipeline.common import command, files, machine, paths


def main() -> None:
    files.write_json(paths.MACHINE, here := machine.identity())
    print(machine.named(here))


if __name__ == "__main__":
    command.run(main)
