"""Settings of the convergence stage: when a task is solved, how a surface is sampled, how far a wave is predicted."""

from pydantic import Field

from pipeline.common import Settings
from pipeline.common.names import OptionalTaskName


class Convergence(Settings):
    """Training until solved, the error surface around trained networks, and free-running predictions."""

    task: OptionalTaskName = None
    """The task, of kind sum_sign, that is trained until it is solved, and whose trained networks' error surface is
    sampled; null for none."""
    series: OptionalTaskName = None
    """The task, of kind sine, whose trained networks are fed their own predictions; null for none."""
    seeds: int = Field(3, gt=0)
    """Number of seeds with which each architecture, and the deck's program, is trained."""
    target_accuracy: float = Field(0.99, gt=0, le=1)
    """Accuracy on fresh sequences at which the task counts as solved."""
    max_sequences: int = Field(120_000, gt=0)
    """Maximum number of sequences that a network sees."""
    eval_every: int = Field(4_800, gt=0)
    """Sequences between two checks."""
    eval_sequences: int = Field(4_000, gt=0)
    """Fresh sequences that each check draws."""
    batch_size: int = Field(0, ge=0)
    """Sequences per optimizer step; 0 takes the task's own number."""
    parameters: int = Field(0, ge=0)
    """Core parameters of the trained networks; 0 takes the task's own number."""
    average: float = Field(0.1, gt=0, le=1)
    """Share of the steps so far over which weights are averaged for a check."""
    examples: int = Field(256, gt=0)
    """Validation sequences whose mean loss is the surface."""
    reach: float = Field(1.0, gt=0)
    """Extent of lines from the trained weights, in both directions, in lengths of those weights."""
    points: int = Field(21, ge=3)
    """Points on a line; an odd number includes the trained weights."""
    directions: int = Field(2, gt=0)
    """Random lines through each network's weights."""
    iterations: int = Field(40, gt=1)
    """Maximum number of power iterations for the largest curvature."""
    waves: int = Field(256, gt=0)
    """Fresh waves that networks continue."""
    ahead: int = Field(100, gt=0)
    """Steps for which they are continued."""
