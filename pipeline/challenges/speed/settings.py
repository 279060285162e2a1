"""Settings of the benchmark stage: which training steps are timed, and how patiently."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.common import Settings

Sizes = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]


class Benchmark(Settings):
    """Sizes of the cores and sequences that are timed, and the time that each may take."""

    device: Literal["auto", "cpu"] = "auto"
    """auto times the CPU and, where there is one, a CUDA device; cpu the CPU alone."""
    lengths: Sizes = [64, 256, 1024, 4096]
    """Steps of a sequence, for every implementation."""
    width: int = Field(64, gt=0)
    """Width of the cores, where it is not what is varied: a multiple of 4."""
    batch: int = Field(8, gt=0)
    """Sequences of a batch, where it is not what is varied."""
    batches: Sizes = [1, 8, 64]
    """Batches of the map of scan, loop and fused modules."""
    side_lengths: Sizes = [256, 1024]
    """Lengths, among those above, that are timed on one thread and in bf16, too."""
    denormal_lengths: Sizes = [64, 256, 1024]
    """Lengths of the map of flush-denormal."""
    denormal_widths: Sizes = [32, 64, 128]
    """Widths of the map of flush-denormal."""
    denormal_batch: int = Field(64, gt=0)
    """Sequences of a batch in that map."""
    memory_steps: int = Field(256, gt=0)
    """Steps of the sequences whose memory is measured, a batch of `denormal_batch`."""
    long_steps: int = Field(16_384, gt=1)
    """Steps of the long sequences, trained plainly and in chunks."""
    long_batch: int = Field(2, gt=0)
    """Long sequences of a batch."""
    chunk: int = Field(128, gt=0)
    """Steps of a chunk of a long sequence: its states are computed again in the backward pass, not kept."""
    seconds: float = Field(0.6, gt=0)
    """Time for the passes of a row, three at least; a step that alone takes longer is run once. Ten times as much for
    the rows with a mark."""
    passes: int = Field(7, gt=0)
    """Most passes of one row, of which the median counts."""
    matrix: int = Field(2048, gt=0)
    """Side of the square matrices whose product is the machine's peak."""

    @model_validator(mode="after")
    def _fits(self) -> "Benchmark":
        for name in ("lengths", "batches", "side_lengths", "denormal_lengths", "denormal_widths"):
            if getattr(self, name) != sorted(set(getattr(self, name))):
                raise ValueError(f"{name}: each once, the least first")
        if missing := sorted(set(self.side_lengths) - set(self.lengths)):
            raise ValueError(f"side_lengths: {missing} are not among lengths")
        if self.width % 4:
            raise ValueError("width: a multiple of 4, as the Transformer's heads need it")
        if self.chunk >= self.long_steps:
            raise ValueError(f"chunk: fewer than the {self.long_steps} steps of long_steps")
        return self
