"""Check the claims of a slide deck: run its programs, look up what the experiments show, and give verdicts.

    pipeline claims

reads   reports/diagnose.json, reports/memory.json, reports/convergence.json, reports/benchmark.json;
        .work/machine.json; of imdb and sine, where params.yaml has them: metrics.json, models, data/prepared; params:
        scale, tasks
writes  reports/claims.json

The deck's programs are run in our own version (pipeline/challenges/deck/printed.py), each in its own process, for what
they print or how they fail. One prints seconds, which differ from run to run.
"""

import subprocess
import sys
from collections import Counter

from pipeline.challenges.claims.ledger import CLAIMS, judge
from pipeline.challenges.claims.records import ClaimRecord
from pipeline.challenges.deck import printed
from pipeline.challenges.shared.results import Measured
from pipeline.common import command, files, machine, paths
from pipeline.common.params import load
from pipeline.tracking import store
from pipeline.training.setup import configure_threads

SECONDS = 120  # the time limit of a program


def main() -> None:
    params = load()
    measured = Measured()
    store.check()
    configure_threads(1)
    verdicts = [(claim, judge(claim, measured, params["tasks"])) for claim in CLAIMS]  # first: reports what is missing
    ran = {name: run(name) for name in printed.PROGRAMS}
    machine_name = machine.named(machine.identity())
    claims: list[ClaimRecord] = [
        {
            "slides": claim.slides,
            "claim": claim.claim,
            "printed_program": ran[claim.program],
            "verdict": judgement.verdict,
            "experiment": judgement.experiment,
            "number": judgement.number,
            "seeds": judgement.seeds,
            "interval": judgement.interval,
            "evidence": judgement.evidence,
            "machine": machine_name,
            "scale": params["scale"],
        }
        for claim, judgement in verdicts
    ]
    files.write_json(paths.findings("claims"), claims)
    counts = Counter(claim["verdict"] for claim in claims)
    from pipeline.tracking import findings  # mlflow takes seconds to import

    numbers = {f"claims/{verdict}": count for verdict, count in counts.items()}
    findings.log("claims", {}, {"scale": params["scale"], "claims": claims}, numbers)
    for claim in claims:
        print(f"slides {claim['slides']:6} {claim['verdict']:11} {claim['claim']}")


def run(name: str) -> str:
    """What a program prints last, or the error that ends it."""
    order = [sys.executable, "-m", "pipeline.challenges.deck.printed", name]
    try:
        finished = subprocess.run(order, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"does not finish within {SECONDS} s"
    lines = finished.stdout.strip().splitlines()
    return "; ".join(lines) if finished.returncode == 0 else f"stops with {finished.stderr.strip().splitlines()[-1]}"


if __name__ == "__main__":
    command.run(main)
