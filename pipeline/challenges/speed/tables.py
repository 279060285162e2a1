"""Tables of measured times: marks, costs by length, crossovers, settings, long sequences."""

from markupsafe import Markup

from pipeline.challenges.shared.speed_records import Crossover, SpeedReport, Step
from pipeline.challenges.speed import figures as pictures, summaries
from pipeline.reporting import words
from pipeline.reporting.markup import table, tag


def marks(report: SpeedReport) -> Markup:
    rows = []
    for mark in report["marks"]:
        met = {None: "–", True: "met", False: "not met"}[mark["met"]]
        target = "–" if mark["asked"] is None else words.number(mark["asked"], 2)
        rows.append(_row(mark["mark"].replace("_", " "), mark["means"], target, words.number(mark["found"], 3), met))
    size = summaries.MARK
    peak = report["peak"]
    limit = words.listed(f"{value / 1e9:,.0f} GFLOP/s in {name}" for name, value in peak.items() if value is not None)
    where = f"{size['batch']} sequences of {size['steps']} steps at width {size['width']}"
    caption = f"Marks, fused modules with {where}. The fastest matrix product in the same run: {limit}."
    return table(["mark", "meaning", "asked", "found", ""], rows, caption)


def costs(report: SpeedReport) -> Markup:
    lines = pictures.lines(report)
    memory = {summaries.label(row): row for row in report["memory"] if row["device"] == "cpu"}
    lengths = sorted({row["steps"] for rows in lines.values() for row in rows})
    body = []
    for name, rows in lines.items():
        by_length = {row["steps"]: row for row in rows}
        cells = [_cell(by_length.get(steps)) for steps in lengths]
        bytes_per_token = memory[name]["bytes_per_token"] if name in memory else None
        body.append(
            _row(
                name,
                f"{rows[0]['parameters']:,}",
                *cells,
                words.number(None if bytes_per_token is None else bytes_per_token / 1e3, 3),
            )
        )
    head = ["system", "weights", *(f"{steps:,} steps" for steps in lengths), "kB a token"]
    caption = (
        f"Milliseconds of a training step of {report['lines']['batch']} sequences, with the share of the "
        "matrix-product peak (* measured once, not warmed up), and a step's peak memory per token."
    )
    return table(head, body, caption)


def _cell(row: Step | None) -> object:
    if row is None:
        return "–"
    once = "*" if row["repeats"] == 1 else ""
    share = "" if row["share_of_peak"] is None else f" ({row['share_of_peak']:.0%})"
    return f"{words.number(1e3 * row['seconds'], 3)}{once}{share}"


def crossovers(report: SpeedReport) -> Markup:
    rows = []
    for entry in usual_crossovers(report):
        changes = [f"{c['becomes']} from about {c['steps']:,.0f} steps on" for c in entry["crossings"]]
        times = entry["times_faster"]
        always = "faster at every length" if times[0]["times"] > 1 else "slower at every length"
        ends = (
            f"{times[0]['times']:.2g} × at {times[0]['steps']:,}, {times[-1]['times']:.2g} × at {times[-1]['steps']:,}"
        )
        rows.append(_row(entry["system"], entry["against"], entry["batch"], "; ".join(changes) or always, ends))
    caption = (
        "Where one overtakes another; near 1 × the noise of the clock may decide. Between measured lengths: "
        f"{report['interpolation']}."
    )
    return table(["", "against", "batch", "is", "times faster, by steps"], rows, caption)


def usual_crossovers(report: SpeedReport) -> list[Crossover]:
    """The crossovers on the CPU under the usual setting."""
    cores = report["machine"]["cores"]
    usual = {"device": "cpu", "threads": cores, "precision": "fp32", "flush_denormal": True}
    return summaries.select(report["crossovers"], **usual, width=report["lines"]["width"])


def settings(report: SpeedReport) -> Markup:
    """One thread and all, fp32 and bf16."""
    steps, rows = compared_settings(report)
    by_name = {setting: {summaries.label(row): row for row in rows_by_name} for setting, rows_by_name in rows.items()}
    names = dict.fromkeys(name for rows_by_name in by_name.values() for name in rows_by_name)
    body = [_row(name, *(_cell(rows_by_name.get(name)) for rows_by_name in by_name.values())) for name in names]
    head = ["system", *(f"{threads} thread{'s' if threads > 1 else ''}, {kind}" for threads, kind in rows)]
    caption = f"Milliseconds at {steps:,} steps, with the share of the peak of the same threads and precision."
    return table(head, body, caption)


def compared_settings(report: SpeedReport) -> tuple[int, dict[tuple[int, str], list[Step]]]:
    """The rows of each number of threads and precision, at the longest length at which all were measured."""
    rows = summaries.select(report["rows"], device="cpu", flush_denormal=True, **report["lines"])
    settings = sorted({(row["threads"], row["precision"]) for row in rows})
    by_setting = {setting: summaries.select(rows, threads=setting[0], precision=setting[1]) for setting in settings}
    steps = max(set.intersection(*({row["steps"] for row in setting_rows} for setting_rows in by_setting.values())))
    return steps, {setting: summaries.select(setting_rows, steps=steps) for setting, setting_rows in by_setting.items()}


def long_sequences(report: SpeedReport) -> Markup:
    rows = []
    for row in report["long"]:
        method = "plain" if row["chunk"] is None else f"chunks of {row['chunk']}"
        megabytes = None if row["peak_bytes"] is None else row["peak_bytes"] / 1e6
        size = f"{row['batch']} × {row['steps']:,}"
        rows.append(
            _row(
                row["system"], row["device"], size, method, words.number(megabytes, 3), words.number(row["seconds"], 3)
            )
        )
    differences_in_words = ", ".join(
        f"{check['system']} {words.number(check['gradient_difference'], 2)}"
        for check in report["checks"]["checkpointed_against_plain"]
    )
    caption = (
        "Long sequences: the peak memory of a training step. The gradients of both ways differ, as a share of the "
        f"largest, by: {differences_in_words} (one sequence, fp32)."
    )
    return table(["system", "device", "sequences × steps", "how", "MB", "seconds"], rows, caption)


def _row(*cells: object) -> Markup:
    return tag("tr", *(tag("td", cell) for cell in cells))
