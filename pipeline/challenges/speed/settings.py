"""Settings of the benchmark stage: which training steps are timed, and for how long."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.common import Settings

Sizes = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]


class Benchmark(Settings):
    """Sizes of the cores and sequences that are timed, and the time for each."""

    device: Literal["auto", "cpu"] = "auto"
    """auto times the CPU and, if there is one, a CUDA device; cpu only the CPU."""
    lengths: Sizes = [64, 256, 1024, 4096]
    """Steps of a sequence, for every implementation."""
    width: int = Field(64, gt=0)
    """Width of the cores, unless it is varied: a multiple of 4."""
    batch: int = Field(8, gt=0)
    """Sequences per batch, unless it is varied."""
    batches: Sizes = [1, 8, 64]
    """Batch sizes in the map of scan, loop and fused modules."""
    side_lengths: Sizes = [256, 1024]
    """Those of the lengths above that are also timed on one thread and in bf16."""
    denormal_lengths: Sizes = [64, 256, 1024]
    """Lengths in the map of flush-denormal."""
    denormal_widths: Sizes = [32, 64, 128]
    """Widths in the map of flush-denormal."""
    denormal_batch: int = Field(64, gt=0)
    """Sequences per batch in that map."""
    memory_steps: int = Field(256, gt=0)
    """Steps of the sequences whose memory is measured, a batch of `denormal_batch`."""
    long_steps: int = Field(16_384, gt=1)
    """Steps of the long sequences, trained plainly and in chunks."""
    long_batch: int = Field(2, gt=0)
    """Long sequences per batch."""
    chunk: int = Field(128, gt=0)
    """Steps in a chunk of a long sequence, whose states are recomputed in the backward pass, not kept."""
    seconds: float = Field(0.6, gt=0)
    """Time for the passes of a row, at least three; a step that takes longer by itself is run once. Rows with a mark
    get ten times as much."""
    passes: int = Field(7, gt=0)
    """Maximum number of passes per row, of which the median counts."""
    matrix: int = Field(2048, gt=0)
    """Side of the square matrices whose product is the machine's peak."""

    @model_validator(mode="after")
    def _fits(self) -> "Benchmark":
        for name in ("lengths", "batches", "side_lengths", "denormal_lengths", "denormal_widths"):
            if getattr(self, name) != sorted(set(getattr(self, name))):
                raise ValueError(f"{name}: must be in ascending order, without repeats")
        if missing := sorted(set(self.side_lengths) - set(self.lengths)):
            raise ValueError(f"side_lengths: {missing} are not among lengths")
        if self.width % 4:
            raise ValueError("width: must be a multiple of 4, for the Transformer's heads")
        if self.chunk >= self.long_steps:
            raise ValueError(f"chunk: must be less than long_steps, {self.long_steps}")
        return self
