"""Settings of the diagnose stage: how far back gradients are traced, and through which networks."""

from typing import Annotated

from pydantic import Field

from pipeline.common import Settings
from pipeline.common.names import TaskName


class Diagnose(Settings):
    """Gradient flow through untrained and trained networks, and the deck's scalar net."""

    lag: int = Field(200, gt=1)
    """Steps that untrained networks read: recall with this many distractors."""
    batch: int = Field(16, gt=0)
    """Number of sequences over which the gradient's norm is taken."""
    initializers: list[str] = ["default", "orthogonal"]
    """Initializers compared in every architecture."""
    tasks: list[TaskName] = []
    """Tasks whose trained networks are diagnosed; those that cannot be read step by step are refused."""
    lyapunov_steps: int = Field(100, gt=0)
    """Steps over which Lyapunov exponents are averaged."""
    clippings: dict[str, Annotated[float, Field(gt=0)]] = {
        "norm": 1.0,
        "value": 0.01,
        "adaptive": 0.1,
        "percentile": 50.0,
    }
    """Clippings whose effect on the same gradients is measured, each with its threshold."""
    clipping_steps: int = Field(60, gt=0)
    """Steps of the unclipped training that gives these gradients."""
    scalar_weights: int = Field(47, gt=1)
    """Weights of the scalar net, from 0.1 to 20 at equal ratios."""
    scalar_seeds: int = Field(8, gt=1)
    """Input sequences for each of them."""
