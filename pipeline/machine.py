"""Record which machine this is, so that timings are measured again on another machine but not on this one.

    pipeline machine

reads   the processor's name, cores, GPUs and torch's version
writes  .work/machine.json

DVC runs this at each `dvc repro`, and reruns the stages that measure seconds if the file has changed.
"""

from pipeline.common import command, files, machine, paths


def main() -> None:
    files.write_json(paths.MACHINE, here := machine.identity())
    print(machine.named(here))


if __name__ == "__main__":
    command.run(main)
