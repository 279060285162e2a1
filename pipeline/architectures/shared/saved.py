"""Build a trained network from its description and its weights; nothing is unpickled."""

from pathlib import Path

from safetensors.torch import load_file

from pipeline.architectures import SequenceModel, make_model
from pipeline.architectures.shared.settings import Model
from pipeline.common.params import check
from pipeline.common.records import Description
from pipeline.common.registry import find
from pipeline.common.renamed import upgraded
from pipeline.tasks import Task


def load(description: Description, weights: Path) -> SequenceModel:
    """The network that `description` (a model.json) describes, with the weights of one seed, ready to predict."""
    model = make_model(
        make_task(description), description["architecture"], description["settings"], Model(**description["model"])
    )
    model.load_state_dict(load_file(weights))
    return model.eval()


def make_task(description: Description) -> Task:
    """The task with the settings with which the network was trained."""
    kind = find(Task, description["kind"])
    return check(kind, upgraded(description["task_settings"], kind.model_fields), f"tasks.{description['task']}")
