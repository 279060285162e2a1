"""Run `dvc repro` with a process that loads the libraries once for all stages; options and targets are DVC's.

    pipeline repro [dvc repro's options and targets]

reads   dvc.yaml
writes  what the stages write

Stages run as under `dvc repro`, only sooner: each begins as a copy of a process that has imported torch and MLflow
(pipeline/jobs/fork_server.py).
"""

import os
import sys

from pipeline.common import command
from pipeline.jobs import fork_server
from pipeline.jobs.processes import environment


def main(words: command.PassedOn = None) -> None:
    sys.stdout.flush()
    os.execvpe("dvc", ["dvc", "repro", *(words or [])], fork_server.start(environment()))


if __name__ == "__main__":
    command.run(main)
