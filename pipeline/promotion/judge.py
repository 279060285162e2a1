"""Challenger and champion on the gate split: predictions of their packages, their scores, and the gates' outcomes."""

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


class Judgement(NamedTuple):
    """The grounds for a decision."""

    outcomes: list[Outcome]
    scores: dict[str, dict[str, Difference]]  # of challenger, champion and the strongest baseline, with intervals
    gate: Requests  # the rows that were predicted


class Request(NamedTuple):
    """Rows of the gate split in the form of requests."""

    rows: list[int]
    requests: pd.DataFrame
    digest: str

    @property
    def singles(self) -> list[tuple[int, int]]:
        """Requests that are sent one by one, evenly spaced."""
        rows_of_request = len(self.requests) // len(self.rows)
        sampled_rows = np.linspace(0, len(self.rows) - 1, min(SINGLES, len(self.rows))).astype(int).tolist()
        return [(row * rows_of_request, (row + 1) * rows_of_request) for row in sampled_rows]


def judge(
    task: str, prepared: Prepared, settings: Promote, seed: int, challenger: Version, champion: Version | None
) -> Judgement:
    """The gates in order; if one of the first fails, nothing is predicted."""
    sides = {"challenger": challenger} | ({"champion": champion} if champion else {})
    seen = {name: read_seen(registry.artifact(version, "learned")) for name, version in sides.items()}
    if clock_mismatch := scoring.of_another_clock(prepared, seen):
        advice = f"{clock_mismatch}: `pipeline promote --task {task} --afresh` judges without the champion"
        return Judgement(
            [Outcome("same_clock", False, advice)], {}, {"rows": 0, "block": prepared.task.block, "digest": None}
        )
    rows, seen_rows = scoring.rows_and_seen(prepared, "gate", seen)
    times = scoring.begin_times(prepared, "gate", rows)
    times_spanned = len(rows) if times is None or not rows else int(times.max() - times.min()) + 1
    outcomes = [gate.unseen(seen_rows, len(rows)), gate.enough(times_spanned, prepared.task.block, times is not None)]
    if champion:
        outcomes.append(gate.same_signature(registry.signature(challenger), registry.signature(champion)))
    gate_record: Requests = {"rows": len(rows), "block": prepared.task.block, "digest": None}
    if not gate.verdict(outcomes)[0]:
        return Judgement(outcomes, {}, gate_record)
    outcomes.append(gate.size(registry.megabytes(challenger), settings))
    answers: dict[str, Answers] = {}
    with ThreadPoolExecutor(1) as thread:
        for name, version in tqdm(
            sides.items(), desc=f"{task}: predictions on the gate split", unit="model", disable=None
        ):
            request = ask(prepared, challenger, rows)
            gate_record["digest"] = request.digest
            try:
                replies = isolated.ask(version.uri, request.requests, request.singles if name == "challenger" else ())
            except InputError as error:
                failed = Outcome("answers", False, f"the {name} cannot predict: {error}")
                return Judgement([*outcomes, failed], {}, gate_record)
            answers[name] = to_answers(prepared, request, scoring.read(prepared, "gate", rows, replies.answers))
            if name == "challenger":
                outcomes.append(gate.latency(replies.seconds, settings))
                learning = thread.submit(fitted.on_gate, prepared)  # not earlier: it would slow the single requests
        baselines = learning.result()
        simpler_outputs = simpler.outputs(prepared, challenger, baselines)
    bootstrap = PairedBootstrap(prepared.task, settings, len(rows), seed, times)
    judgement = compare(bootstrap, prepared, request, answers, baselines, Judgement(outcomes, {}, gate_record))
    if simpler_outputs and answers["challenger"].finite:
        simpler_answers = {
            n: to_answers(prepared, request, scoring.Read(outputs[rows], {})) for n, outputs in simpler_outputs.items()
        }
        judgement.outcomes.append(simpler.outcome(bootstrap, answers["challenger"], simpler_answers))
    return judgement


def compare(
    bootstrap: PairedBootstrap,
    prepared: Prepared,
    request: Request,
    answers: dict[str, Answers],
    baselines: OnGate,
    judgement: Judgement,
) -> Judgement:
    """The outcomes that predictions decide, and all scores."""
    strongest, constant = (
        to_answers(prepared, request, scoring.Read(baselines.outputs[name][request.rows], {}))
        for name in (baselines.strongest, "constant")
    )
    baseline = baselines.strongest, strongest
    if "champion" in answers:
        parts = declared(prepared, request)
        outcomes = gate.between(bootstrap, answers["challenger"], answers["champion"], parts, baseline)
    else:
        outcomes = gate.first(bootstrap, answers["challenger"], constant, baseline)
    if series := scoring.series_names(prepared, "gate", request.rows):
        other = ("the champion", answers["champion"]) if "champion" in answers else baseline
        outcomes.append(by_series.worst(bootstrap, answers["challenger"], *other, series))
    by_model = {**answers, baselines.strongest: strongest}
    scores = {name: bootstrap.summary(of_model) for name, of_model in by_model.items() if of_model.finite}
    return Judgement([*judgement.outcomes, *outcomes], scores, judgement.gate)


def ask(prepared: Prepared, challenger: Version, rows: list[int]) -> Request:
    """The gate split as it is on disk now, with a digest of inputs and targets."""
    description = read_description(registry.artifact(challenger, "model.json"))
    service = find(Service, description["kind"])(description, registry.artifact(challenger, "learned"))
    requests = service.requests(prepared, "gate", rows)
    sha = hashlib.sha256(pd.util.hash_pandas_object(requests, index=False).to_numpy().tobytes())
    sha.update(prepared.targets("gate")[rows].numpy().tobytes())
    return Request(rows, requests, sha.hexdigest())


def to_answers(prepared: Prepared, request: Request, reading: scoring.Read) -> Answers:
    return Answers(scoring.cells(prepared, "gate", request.rows, reading.outputs), request.digest, reading.rates)


def declared(prepared: Prepared, request: Request) -> gate.Slices:
    """The slices of the task's kind."""
    if "text" in request.requests:
        return slices.of_texts(request.requests["text"].tolist())
    return slices.of_times(scoring.times(prepared, "gate", request.rows), prepared.task.spec.horizon)
