"""Settings of the train stage that hold for every task and architecture."""

from typing import Literal

from pydantic import Field

from pipeline.common import Settings


class Train(Settings):
    """How networks are trained; lengths and batch sizes are settings of each task."""

    seeds: int = Field(2, gt=0)
    """Number of seeds with which a cell is trained, in parallel; results state each one."""
    processes: int = Field(0, ge=0)
    """Processes that train seeds at the same time; 0 takes one per seed, up to the number of cores."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """fp32, or bf16 autocast with fp32 weights."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train; auto takes cuda, then mps, then the CPU."""
    deterministic: bool = False
    """On CUDA, allow only deterministic algorithms (slower); the CPU is always reproducible bit for bit."""
    resident_gigabytes: float = Field(8.0, ge=0)
    """Data up to this size is copied to the GPU once; larger data is streamed from the memory map, batch by batch."""
    weight_decay: float = Field(0.01, ge=0)
    """Decoupled weight decay (adamw), or L2 penalty (sgd, rmsprop)."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Momentum of sgd."""
    warm_up: float = Field(0.1, ge=0, lt=1)
    """Share of all steps in which the learning rate rises from 0; it then falls along a cosine to `final_rate`."""
    final_rate: float = Field(0.02, ge=0, le=1)
    """Learning rate of the last step, as a share of the highest."""
    log_every: int = Field(20, gt=0)
    """Steps between two points of the step curves (loss, gradient norm, learning rate)."""
    checkpoint_seconds: float = Field(5.0, ge=0)
    """Longest time between two checkpoints within an epoch; one is written after every epoch, too."""
