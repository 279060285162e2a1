"""Challenger and champion on the gate split: predicted by their packages, scored alike, with every gate's outcome."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline.common import InputError
from pipeline.common.records import read_description
from pipeline.common.registry import find
from pipeline.evaluation import fitted
from pipeline.evaluation.fitted import OnGate
from pipeline.promotion import by_series, gate, simpler, slices
from pipeline.promotion.gate import Outcome
from pipeline.promotion.paired import Answers, PairedBootstrap
from pipeline.promotion.records import Difference, Requests
from pipeline.promotion.settings import Promote
from pipeline.services import Service
from pipeline.services.records import read_seen
from pipeline.services.shared import scoring
from pipeline.tasks import Prepared
from pipeline.tracking import isolated, registry
from pipeline.tracking.registry import Version

SINGLES = 100  # single requests that are timed


class Judged(NamedTuple):
    """The grounds of a decision."""

    outcomes: list[Outcome]
    scores: dict[str, dict[str, Difference]]  # of challenger, champion and the strongest baseline, with intervals
    gate: Requests  # the rows that were predicted


class Asked(NamedTuple):
    """Rows of the gate split in the form of requests."""

    rows: list[int]
    requests: pd.DataFrame
    digest: str

    @property
    def singles(self) -> list[tuple[int, int]]:
        """Requests that are sent one by one, evenly spaced."""
        each = len(self.requests) // len(self.rows)
        sampled_rows = np.linspace(0, len(self.rows) - 1, min(SINGLES, len(self.rows))).astype(int).tolist()
        return [(row * each, (row + 1) * each) for row in sampled_rows]


def judge(
    task: str, prepared: Prepared, settings: Promote, seed: int, challenger: Version, champion: Version | None
) -> Judged:
    """The gates in order; if one of the first fails there is nothing to score."""
    sides = {"challenger": challenger} | ({"champion": champion} if champion else {})
    seen = {name: read_seen(registry.artifact(version, "learned")) for name, version in sides.items()}
    if why := scoring.of_another_clock(prepared, seen):
        anew = f"{why}: `pipeline promote --task {task} --afresh` judges without the champion"
        return Judged(
            [Outcome("same_clock", False, anew)], {}, {"rows": 0, "block": prepared.task.block, "digest": None}
        )
    rows, known = scoring.rows_and_seen(prepared, "gate", seen)
    times = scoring.begin_times(prepared, "gate", rows)
    spanned = len(rows) if times is None or not rows else int(times.max() - times.min()) + 1
    outcomes = [gate.unseen(known, len(rows)), gate.enough(spanned, prepared.task.block, times is not None)]
    if champion:
        outcomes.append(gate.same_signature(registry.signature(challenger), registry.signature(champion)))
    gate_record: Requests = {"rows": len(rows), "block": prepared.task.block, "digest": None}
    if not gate.verdict(outcomes)[0]:
        return Judged(outcomes, {}, gate_record)
    outcomes.append(gate.size(registry.megabytes(challenger), settings))
    answers: dict[str, Answers] = {}
    with ThreadPoolExecutor(1) as beside:
        for name, version in tqdm(
            sides.items(), desc=f"{task}: predictions on the gate split", unit="model", disable=None
        ):
            asked = ask(prepared, challenger, rows)
            gate_record["digest"] = asked.digest
            try:
                answered = isolated.ask(version.uri, asked.requests, asked.singles if name == "challenger" else ())
            except InputError as error:
                failed = Outcome("answers", False, f"the {name} cannot predict: {error}")
                return Judged([*outcomes, failed], {}, gate_record)
            answers[name] = to_answers(prepared, asked, scoring.read(prepared, "gate", rows, answered.answers))
            if name == "challenger":
                outcomes.append(gate.latency(answered.seconds, settings))
                learning = beside.submit(fitted.on_gate, prepared)  # only now: the single requests needed the machine
        simple = learning.result()
        others = simpler.outputs(prepared, challenger, simple)
    bootstrap = PairedBootstrap(prepared.task, settings, len(rows), seed, times)
    judged = compared(bootstrap, prepared, asked, answers, simple, Judged(outcomes, {}, gate_record))
    if others and answers["challenger"].finite:
        read = {n: to_answers(prepared, asked, scoring.Read(outputs[rows], {})) for n, outputs in others.items()}
        judged.outcomes.append(simpler.outcome(bootstrap, answers["challenger"], read))
    return judged


def compared(
    bootstrap: PairedBootstrap,
    prepared: Prepared,
    asked: Asked,
    answers: dict[str, Answers],
    simple: OnGate,
    before: Judged,
) -> Judged:
    """The outcomes that predictions decide, and all scores."""
    strongest, constant = (
        to_answers(prepared, asked, scoring.Read(simple.outputs[name][asked.rows], {}))
        for name in (simple.strongest, "constant")
    )
    baseline = simple.strongest, strongest
    if "champion" in answers:
        parts = declared(prepared, asked)
        outcomes = gate.between(bootstrap, answers["challenger"], answers["champion"], parts, baseline)
    else:
        outcomes = gate.first(bootstrap, answers["challenger"], constant, baseline)
    if series := scoring.series_names(prepared, "gate", asked.rows):
        other = ("the champion", answers["champion"]) if "champion" in answers else baseline
        outcomes.append(by_series.worst(bootstrap, answers["challenger"], *other, series))
    by_model = {**answers, simple.strongest: strongest}
    scores = {name: bootstrap.summary(of_model) for name, of_model in by_model.items() if of_model.finite}
    return Judged([*before.outcomes, *outcomes], scores, before.gate)


def ask(prepared: Prepared, challenger: Version, rows: list[int]) -> Asked:
    """The gate split as it is on disk now, with a digest of inputs and targets."""
    description = read_description(registry.artifact(challenger, "model.json"))
    service = find(Service, description["kind"])(description, registry.artifact(challenger, "learned"))
    requests = service.requests(prepared, "gate", rows)
    sha = hashlib.sha256(pd.util.hash_pandas_object(requests, index=False).to_numpy().tobytes())
    sha.update(prepared.targets("gate")[rows].numpy().tobytes())
    return Asked(rows, requests, sha.hexdigest())


def to_answers(prepared: Prepared, asked: Asked, read: scoring.Read) -> Answers:
    return Answers(scoring.cells(prepared, "gate", asked.rows, read.outputs), asked.digest, read.rates)


def declared(prepared: Prepared, asked: Asked) -> gate.Slices:
    """The slices of the task's kind."""
    if "text" in asked.requests:
        return slices.of_texts(asked.requests["text"].tolist())
    return slices.of_times(scoring.times(prepared, "gate", asked.rows), prepared.task.spec.horizon)
