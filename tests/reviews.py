"""Tiny reviews for tests: drawn words, with one that tells the label."""

import csv
import random
from pathlib import Path

from pipeline.common import files
from pipeline.tasks import Prepared
from pipeline.tasks.sentiment import Sentiment

WORDS = [f"{a}{b}{c}" for a in "bdfgklm" for b in "aeiou" for c in "nrst"]
TELLING = (("awful", "dull"), ("lovely", "superb"))


def corpus(rows: int, films: int = 0, seed: int = 0) -> list[tuple]:
    """Distinct reviews as (text, label) or (text, label, film); labels alternate."""
    draw = random.Random(seed)
    found: list[tuple] = []
    for row in range(rows):
        words = [draw.choice(WORDS) for _ in range(draw.randint(5, 20))] + [draw.choice(TELLING[row % 2])]
        draw.shuffle(words)
        review = (" ".join(words), row % 2)
        found.append((*review, f"film {draw.randrange(films)}") if films else review)
    return found


def write_csv(path: Path, rows: list[tuple]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "film"][: len(rows[0])])
        writer.writerows(rows)
    return path


def prepare(folder: Path, source: Path | list[tuple], **settings) -> Prepared:
    """Reviews from a path, or from rows written to a CSV, fetched and prepared below `folder`."""
    raw, ready = folder / "raw", folder / "prepared"
    for made in (raw, ready):
        made.mkdir(parents=True)
    if isinstance(source, list):
        source = write_csv(folder / "mine.csv", source)
    task = Sentiment(source=str(source), **settings)
    task.fetch(raw)
    files.write_json(ready / "audit.json", task.prepare(raw, ready, seed=0))
    return Prepared(task, ready)
