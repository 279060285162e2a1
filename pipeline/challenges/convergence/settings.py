"""Settings of the convergence stage: when a task is solved, how a surface is looked at, how far a wave is predicted."""

from pydantic import Field

from pipeline.common import Settings
from pipeline.common.names import OptionalTaskName


class Convergence(Settings):
    """Training until solved, the error surface around trained networks, and predictions that are fed back."""

    task: OptionalTaskName = None
    """The task, of kind sum_sign, that is trained until it is solved, and whose trained networks' error surface is
    looked at; null for none."""
    series: OptionalTaskName = None
    """The task, of kind sine, whose trained networks run free; null for none."""
    seeds: int = Field(3, gt=0)
    """Seeds that each architecture, and the deck's program, is trained with."""
    target_accuracy: float = Field(0.99, gt=0, le=1)
    """Accuracy on fresh sequences from which on the task counts as solved."""
    max_sequences: int = Field(120_000, gt=0)
    """Sequences that a network may see at most."""
    eval_every: int = Field(4_800, gt=0)
    """Sequences between two checks."""
    eval_sequences: int = Field(4_000, gt=0)
    """Fresh sequences that each check draws."""
    batch_size: int = Field(0, ge=0)
    """Sequences of an optimizer step; 0 takes the task's own."""
    parameters: int = Field(0, ge=0)
    """Core parameters of the networks that are trained; 0 takes the task's own."""
    average: float = Field(0.1, gt=0, le=1)
    """Share of the steps so far over which weights are averaged before they are checked."""
    examples: int = Field(256, gt=0)
    """Validation sequences whose mean loss is the surface."""
    reach: float = Field(1.0, gt=0)
    """How far lines go from the trained weights, to both sides, in lengths of those weights."""
    points: int = Field(21, ge=3)
    """Points of a line; an odd number has the trained weights among them."""
    directions: int = Field(2, gt=0)
    """Random lines through each network's weights."""
    iterations: int = Field(40, gt=1)
    """Power iterations at most for the largest curvature."""
    waves: int = Field(256, gt=0)
    """Fresh waves that networks go on with by themselves."""
    ahead: int = Field(100, gt=0)
    """Steps that they are predicted."""
