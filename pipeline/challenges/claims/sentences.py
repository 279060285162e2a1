"""A trained network's predictions for the deck's sentences."""

from pathlib import Path

import pandas as pd
import torch

from pipeline.architectures.shared.saved import load
from pipeline.challenges.claims.records import Answer
from pipeline.challenges.deck.printed import SENTENCES
from pipeline.common import InputError, paths
from pipeline.common.records import read_description
from pipeline.common.registry import find
from pipeline.services import Service


def answers(task: str, architecture: str, seed: int) -> list[Answer]:
    """For each sentence: the slide's label, the prediction (None: it abstains), the likeliest label's probability."""
    folder = paths.trained(task, architecture)
    description = read_description(folder / "model.json")
    service = find(Service, description["kind"])({**description, "seed": seed}, paths.prepared(task))
    with torch.inference_mode():
        model = load(description, _weights(folder, seed))
        table = service.answer(pd.DataFrame({"text": list(SENTENCES)}), model)
    rows = zip(SENTENCES.items(), table["label"], table["abstained"], table["probability"], strict=True)
    return [
        {"text": text, "claimed": claimed, "answer": None if abstained else label, "probability": probability}
        for (text, claimed), label, abstained, probability in rows
    ]


def _weights(folder: Path, seed: int) -> Path:
    path = folder / f"{seed}.safetensors"
    if not path.exists():
        raise InputError(f"no trained network in {path}: run `dvc repro train` first")
    return path
