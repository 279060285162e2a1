"""Claims on text and on a noisy sine, compared with the networks that train wrote for the tasks imdb and sine."""

from pipeline.challenges.claims.records import Judgement
from pipeline.challenges.claims.sentences import answers
from pipeline.challenges.shared.results import Measured

NOISE = 0.1**2  # variance of the noise in the slides' sine: no predictor of the noisy series can have a smaller error


def sentiment(measured: Measured) -> Judgement:
    return _of_task(measured, "imdb", "accuracy", 0.5, "It must be trained: ")


def sentences(measured: Measured) -> Judgement:
    best = measured.best("imdb")
    if best is None:
        return _diverged("imdb")
    records = answers("imdb", best.name, best.seed)
    # the slide calls an abstention neutral
    right = sum((record["answer"] or "neutral") == record["claimed"] for record in records)
    listed = "; ".join(
        f"“{record['text']}”: {record['answer'] or 'none'} (the likelier label has {record['probability']:.2f}), "
        f"claimed {record['claimed']}"
        for record in records
    )
    experiment = (
        f"The trained {best.name}, best on validation, predicts {right} of {len(records)} as claimed. {listed}."
    )
    verdict = "corrected" if right else "refuted"
    if right == len(records):
        verdict = "reproduced"
    return Judgement(verdict, experiment, float(right), 1, evidence="#imdb")


def series(measured: Measured) -> Judgement:
    if (best := measured.best_score("sine", "mse")) is None:
        return _diverged("sine")
    experiment = (
        f"No predictor of the noisy sine can have an error below the noise's variance, {NOISE:g}; the slide prints "
        f".000211. {best.name}, best on validation, has {best.mean:.4f} one step ahead on unseen phases."
    )
    verdict = "undecided"
    if best.interval is not None:
        verdict = "refuted" if best.interval[0] > 0.000211 else "reproduced"
    return Judgement(verdict, experiment, best.mean, best.seeds, best.interval, "#sine")


def _of_task(measured: Measured, task: str, metric: str, chance: float, introduction: str) -> Judgement:
    if (best := measured.best_score(task, metric)) is None:
        return _diverged(task)
    examples = measured.task(task)["examples"]
    experiment = (
        f"{introduction}{best.name}, best on validation, has {metric} {best.mean:.3f} on {examples:,} test examples."
    )
    verdict = "corrected" if best.interval is not None and best.interval[0] > chance else "undecided"
    return Judgement(verdict, experiment, best.mean, best.seeds, best.interval, f"#{task}")


def _diverged(task: str) -> Judgement:
    experiment = f"No network trained on {task} has finite predictions."
    return Judgement("undecided", experiment, None, evidence=f"#{task}")
