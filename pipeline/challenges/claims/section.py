"""The page's ledger of claims: what the deck says, what its program does, what an experiment shows."""

from collections import Counter
from collections.abc import Iterator

from markupsafe import Markup

from pipeline.challenges.claims.records import ClaimRecord, Ledger
from pipeline.reporting import words
from pipeline.reporting.figures import Chart
from pipeline.reporting.markup import join, table, tag

NAME = "claims"
PLACE = 80
TITLE = "The deck's claims"
ABOUT = (
    "This project began with a deck of slides, each pair a small program and the output that it claims. Here each "
    "claim is compared with what the program does when it is run, and with a correct experiment."
)


def lead(report: Ledger) -> Iterator[object]:
    counts = Counter(claim["verdict"] for claim in report["claims"])
    yield f"{len(report['claims'])} claims: {words.listed(f'{n} {verdict}' for verdict, n in sorted(counts.items()))}."


def charts(report: Ledger) -> list[Chart]:
    return []


def tables(report: Ledger) -> Iterator[Markup]:
    head = ["slides", "claim", "its program, run", "experiment", "number", "seeds", "verdict"]
    rows = [tag("tr", *(tag("td", cell) for cell in _row(claim))) for claim in report["claims"]]
    machines = words.listed(dict.fromkeys(claim["machine"] for claim in report["claims"]))
    yield table(
        head, rows, f"Numbers with their intervals; those of slides 4-6 are base-10 logarithms. Measured on {machines}."
    )


def _row(claim: ClaimRecord) -> list[object]:
    number = words.number(claim["number"], 3)
    if claim["interval"]:
        low, high = (words.number(end, 3) for end in claim["interval"])
        number = f"{number} [{low}, {high}]"
    seeds = "–" if claim["seeds"] is None else claim["seeds"]
    shown = join(claim["experiment"], " ", tag("a", "More", href=claim["evidence"]) if claim["evidence"] else None)
    verdict = tag("strong", claim["verdict"])
    return [claim["slides"], claim["claim"], claim["printed_program"], shown, number, seeds, verdict]
