"""The page's section on speed: the cost of a training step, and what reduces it."""

from collections.abc import Iterator, Mapping

from markupsafe import Markup

from pipeline.challenges.shared.speed_records import Gain, Memory, SpeedReport, Step, Subnormals
from pipeline.challenges.speed import figures as pictures, summaries, tables as report_tables
from pipeline.reporting import words
from pipeline.reporting.figures import Chart

NAME = "benchmark"
PLACE = 60
TITLE = "Limited parallelization: what a training step costs"
ABOUT = (
    "A recurrent net computes each step from the one before: a long sequence is a long queue, which more processors "
    "do not shorten. A Transformer computes all steps in parallel, but compares each with every earlier one: twice the "
    "length is four times the comparisons. A net whose gates do not depend on its own state (minGRU) can be computed "
    "in parallel blocks, by a scan. Which is faster depends on length, batch and machine: here it is measured. A "
    "training step is forward and backward through the core; its loss uses only the last output."
)
SLOW = 1.5  # factor by which a multiplication must be slower to be called slow


def lead(report: SpeedReport) -> Iterator[str]:
    lines = pictures.lines(report)
    if lines:
        yield _lengths(lines)
    gains = summaries.gains(report["rows"])
    if gains:
        yield _denormal(gains, report["subnormals"])
    yield _scan(report)
    yield _settings(report)
    if sentence := _long_sequences(report["long"]):
        yield sentence
    yield _caution(report)


def charts(report: SpeedReport) -> list[Chart]:
    pictures_of_times = [pictures.times(report, device) for device in ("cpu", "cuda") if pictures.lines(report, device)]
    pictures_of_times += [pictures.denormal(report)] if summaries.gains(report["rows"]) else []
    return [*pictures_of_times, pictures.scan(report)]


def tables(report: SpeedReport) -> Iterator[Markup]:
    yield report_tables.marks(report)
    yield report_tables.costs(report)
    yield report_tables.crossovers(report)
    yield report_tables.settings(report)
    yield report_tables.long_sequences(report)


def _lengths(lines: Mapping[str, list[Step]]) -> str:
    first_rows = next(iter(lines.values()))
    shortest = first_rows[0]["steps"]
    longest = first_rows[-1]["steps"]
    growth = {name: rows[-1]["seconds"] / rows[0]["seconds"] for name, rows in lines.items()}
    order = sorted(lines, key=lambda name: lines[name][-1]["seconds"])
    fastest, slowest = (f"{name} ({words.number(lines[name][-1]['seconds'], 3)} s)" for name in (order[0], order[-1]))
    slow, fast = (pick(growth, key=lambda name: growth[name]) for pick in (max, min))
    return (
        f"At {longest:,} steps the fastest training step is that of {fastest}, the slowest that of {slowest}. "
        f"From {shortest:,} to {longest:,} steps, {longest / shortest:.0f} times the length, the time grows most "
        f"for {slow} ({growth[slow]:.0f} times) and least for {fast} ({growth[fast]:.0f} times)."
    )


def _denormal(gains: list[Gain], numbers: Subnormals) -> str:
    best = max(gains, key=lambda gain: gain["times_faster"])
    unchanged = sum(gain["times_faster"] < 1.1 for gain in gains)
    cost = numbers["multiplication_times_slower"]
    shares = numbers["share_of_gradients"]
    shares_in_words = words.listed(f"{share:.0%} of {system}'s" for system, share in shares.items())
    verdict = (
        "Here they are as fast as others, so flush-denormal, which treats them as zero, gains nothing: the map shows "
        "the clock's noise."
        if cost < SLOW
        else "Flush-denormal treats them as zero: vanishing gradients cost time, not only learning."
    )
    return (
        f"Gradients that vanish fall below 1.2e−38, where numbers are called subnormal: {shares_in_words} at "
        f"{numbers['steps']} steps and width {numbers['width']}. Some processors compute with those many times slower; "
        f"on this one a multiplication by them takes {cost:.1f} times as long. {verdict} The largest gain is for "
        f"{best['system']} at {best['steps']:,} steps and width {best['width']}, {best['times_faster']:.1f} times; at "
        f"{unchanged} of the {len(gains)} sizes it is less than 10 %."
    )


def _scan(report: SpeedReport) -> str:
    faster = []
    for name in ("min_gru loop", "gru fused", "lstm fused"):
        entries = [
            e for e in report_tables.usual_crossovers(report) if (e["system"], e["against"]) == ("min_gru scan", name)
        ]
        ratios = [point["times"] for entry in entries for point in entry["times_faster"]]
        if ratios:
            faster.append(f"than {name} at {sum(times > 1 for times in ratios)} of {len(ratios)} sizes")
    difference = max(check["outputs"] for check in report["checks"]["scan_against_loop"])
    steps = report["checks"]["scan_against_loop"][0]["steps"]
    return (
        f"minGRU by scan is faster {words.listed(faster)}. Both give the same result: at {steps:,} steps their "
        f"outputs differ by {words.number(difference, 2)} at most."
    )


def _settings(report: SpeedReport) -> str:
    """Whether a second thread and bf16 help."""
    steps, rows = report_tables.compared_settings(report)
    cores = report["machine"]["cores"]
    usual = {summaries.label(row): row["seconds"] for row in rows.get((cores, "fp32"), ())}
    comparisons = []
    for setting, label in (((1, "fp32"), "one thread"), ((cores, "bf16"), "bf16")):
        times = {summaries.label(r): usual[summaries.label(r)] / r["seconds"] for r in rows.get(setting, ())}
        if times and setting != (cores, "fp32"):
            worst, best = (pick(times, key=lambda name: times[name]) for pick in (min, max))
            comparisons.append(
                f"{label} is faster for {sum(t > 1 for t in times.values())} of {len(times)}, from "
                f"{times[worst]:.2g} times as fast ({worst}) to {times[best]:.2g} times ({best})"
            )
    return (
        f"At {steps:,} steps, against {cores} threads in fp32: {'; '.join(comparisons) or 'nothing else was measured'}."
    )


def _caution(report: SpeedReport) -> str:
    left_out = f" Not measured here: {'; '.join(report['left_out'])}." if report["left_out"] else ""
    return (
        f"Other programs took {report['share_of_others']:.0%} of the cores' time meanwhile, which adds noise: "
        f"differences of a few tens of percent may be noise.{left_out}"
    )


def _long_sequences(rows: list[Memory]) -> str:
    savings = []
    for plain, chunked, less in _pairs(rows):
        slower = chunked["seconds"] / plain["seconds"]
        savings.append(f"{plain['system']} {less:.1f} times less memory in {slower:.1f} times the time")
    if not savings:
        return ""
    return (
        f"A training step over {rows[0]['steps']:,} steps keeps every inner state for its backward pass. Keeping only "
        f"one in {max(row['chunk'] or 0 for row in rows)} and recomputing the rest gives the same gradient: "
        f"{words.listed(savings)}."
    )


def _pairs(rows: list[Memory]) -> Iterator[tuple[Memory, Memory, float]]:
    """Plain and in chunks, if the memory of both was measured, and how many times less the latter is."""
    for chunked in (row for row in rows if row["chunk"] is not None):
        of_system = summaries.select(rows, system=chunked["system"], device=chunked["device"])
        plain = next(row for row in of_system if row["chunk"] is None)
        plain_bytes = plain["peak_bytes"]
        chunked_bytes = chunked["peak_bytes"]
        if plain_bytes and chunked_bytes:
            yield plain, chunked, plain_bytes / chunked_bytes
