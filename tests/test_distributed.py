"""Several processes through `accelerate launch` train what one process trains."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from pipeline import fetch, prepare, sweep
from pipeline.common import paths

SETTINGS = {
    "scale": "smoke",
    "tasks": {
        "near": {"kind": "recall", "lag": 20, "examples": 200, "held_out": 40, "epochs": 2, "steps_per_epoch": 5}
        | {"batch_size": 16, "parameters": 800}
    },
    "architectures": {"gru": {"choice": {"clipping": "norm"}}},
    "model": {"embedding": 8},
    "train": {"seeds": 1, "device": "cpu"},
}


@pytest.mark.slow
def test_two_processes_share_every_batch_and_end_with_the_same_weights(project, tmp_path):
    project()
    Path("params.yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False))
    fetch.main("near")
    prepare.main("near")
    sweep.main("near")
    words = ["-m", "pipeline.train", "--task", "near", "--architecture", "gru"]
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1"}
    weights = []
    for start in ([], [*launch, "--mixed_precision", "no", "--dynamo_backend", "no"]):
        done = subprocess.run([sys.executable, *start, *words], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        weights.append(load_file(paths.trained("near", "gru") / "0.safetensors"))
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name], atol=1e-5, rtol=1e-4)
