"""The ledger of the deck's claims, as a type: reports/claims.json, a list of these."""

from typing import NamedTuple, TypedDict


class Judgement(NamedTuple):
    """An experiment's verdict on a claim; `interval` is that of `number`, None if there is none."""

    verdict: str
    experiment: str
    number: float | None
    seeds: int | None = None
    interval: list[float] | None = None
    evidence: str = ""  # a link to a section of the page


class ClaimRecord(TypedDict):
    """A claim, what its program does, and what an experiment shows."""

    slides: str
    claim: str
    printed_program: str
    verdict: str  # reproduced, corrected, refuted or undecided
    experiment: str
    number: float | None
    seeds: int | None
    interval: list[float] | None  # of the number: low and high
    evidence: str  # a link to a section of the page
    machine: str
    scale: str


class Ledger(TypedDict):
    """The claims in the form that the page takes."""

    scale: str
    claims: list[ClaimRecord]


class Answer(TypedDict):
    """A network's prediction for a sentence of the deck."""

    text: str
    claimed: str
    answer: str | None  # None for an abstention
    probability: float  # of the likeliest label
