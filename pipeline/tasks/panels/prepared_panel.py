"""Prepare a panel: the rows of all series one after another, and the first row of each window.

    rows       north north north ...  south south ...      shared.arrow
    start      row at which a window begins, among the rows of all series       train.arrow, ...
    member     number of its series                    time      step at which it begins, from the panel's start

Every series is standardised by its own training rows, and all are split at the same dates. Series without a window in
each split, or whose training rows do not change, are left out: audit.json and the terminal name them.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.common import files
from pipeline.common.records import Audit, Learned, PanelRecord
from pipeline.tasks.panels import members, statics, windows
from pipeline.tasks.panels.members import Panel
from pipeline.tasks.panels.windows import Member, Windows
from pipeline.tasks.series import (
    base_forecast,
    features,
    oddities,
    prepared_series,
    repairs,
    steps,
    time_forms,
)
from pipeline.tasks.series.window_rows import in_order, shared_rows
from pipeline.tasks.series.windowed import Windowed
from pipeline.tasks.shared import auditing, column_files, file_faults, source_file
from pipeline.tasks.shared.file_faults import listed, shown

NAMED = 10  # series that a note lists by name


def prepare(task: Windowed, raw: Path, folder: Path) -> Audit:
    """Write the panel and what was learned of it to `folder`."""
    panel = members.read(source_file.fetched(raw), task.source, task)
    longest = max(panel.series.values(), key=lambda series: len(series.values)).values[:, 0]
    setting_faults = prepared_series.undecided(task, panel.step, panel.clock, members.times(panel), longest)
    file_faults.refuse(task.source, setting_faults)
    usable, left_out = windows.usable_series(task, panel)
    left_out = {**panel.left_out, **left_out}
    if not usable:
        raise members.none_left(task.source, left_out)
    panel = panel._replace(series={name: member.series for name, member in usable.items()})
    begins = np.concatenate([[0], np.cumsum([len(member.values) for member in usable.values()])])
    _write_rows(task, panel, usable, folder)
    by_split = windows.by_split(task, usable, begins)
    for split, split_windows in by_split.items():
        column_files.write(folder / f"{split}.arrow", split_windows._asdict())
    learned = _learned(task, panel, usable, begins)
    completed = task.completed(learned)
    learned["columns"] = completed.features
    files.write_json(folder / "learned.json", learned)
    if task.base == "ridge":
        base_forecast.fit(completed.model_copy(update={"base": "none"}), folder, completed.places_known)
    return _audit(task, panel, usable, by_split, left_out, folder)


def _write_rows(task: Windowed, panel: Panel, usable: Mapping[str, Member], folder: Path) -> None:
    """Write shared.arrow: standardised values with the calendar, and the rows at which a training window begins."""
    parts = [features.Part(m.values, m.series.times, m.scale.mean, m.scale.std) for m in usable.values()]
    rows = features.rows(task, parts, members.places(panel))
    begins_window = [np.isin(np.arange(len(member.values)), member.windows["train"]) for member in usable.values()]
    column_files.write(
        folder / "shared.arrow",
        {"series": rows, "train_begins": np.concatenate(begins_window).astype(np.uint8)},
    )


def _learned(task: Windowed, panel: Panel, usable: Mapping[str, Member], begins: np.ndarray) -> Learned:
    static, features = statics.learned(task, {c: [of[name] for name in usable] for c, of in panel.static.items()})
    scales = [member.scale for member in usable.values()]
    mean, std, naive = (np.array([scale[place] for scale in scales]) for place in range(3))
    record: PanelRecord = {
        "series": list(usable),
        "begins": begins[:-1].tolist(),
        "rows": [len(member.values) for member in usable.values()],
        "first": [member.first for member in usable.values()],
        "mean": dict(zip(task.value_columns, mean.T.tolist(), strict=True)),
        "std": dict(zip(task.value_columns, std.T.tolist(), strict=True)),
        "mase_scale": dict(zip(task.targets, naive.T.tolist(), strict=True)),
        "static": static,
        "features": features,
    }
    form = panel.table["time_format"]
    times: Learned = {} if form == time_forms.ISO else {"time_format": form}
    start = _start(usable).isoformat()
    step_record: Any = panel.step.record()
    return {"panel": record, "start": start, **step_record, **times, "clock": panel.clock}


def _start(usable: Mapping[str, Member]) -> pd.Timestamp:
    """The time of the panel's first step."""
    return min(member.series.times[0] for member in usable.values())


def _audit(
    task: Windowed,
    panel: Panel,
    usable: Mapping[str, Member],
    by_split: Mapping[str, Windows],
    left_out: dict[str, str],
    folder: Path,
) -> Audit:
    """The audit; its rows are those forecast in all series, borders are steps of the panel's times, spans dates."""
    starts = {split: split_windows.start for split, split_windows in by_split.items()}
    shared = shared_rows(starts, task.look_back, task.horizon)
    auditing.refuse_leaks(shared, "the splits must not overlap in time")
    assert _in_order(task, by_split), "a split's times are before those of an earlier split"
    borders = {split: _border(split, usable) for split in by_split}
    grid = steps.grid(_start(usable), max(end for _, end in borders.values()), panel.step)
    values = np.concatenate([member.series.values for member in usable.values()])
    codes = oddities.suspected_sentinels(values, task.value_columns, members.places(panel))
    audit = auditing.of(
        folder,
        {split: first + task.look_back for split, first in starts.items()},
        dict.fromkeys(("mean", "std", "mase_scale"), "train"),
        borders=borders,
        spans={split: [str(grid[begin]), str(grid[end - 1])] for split, (begin, end) in borders.items()},
        forecast_rows_shared=shared,
        in_time_order=True,
        table=panel.table,
        clock=panel.clock,
        suspected_sentinels=codes,
        series=len(usable),
        left_out=left_out,
        notes=[*_notes(usable, left_out), *panel.notes, *oddities.notes(codes, {})],
    )
    repaired = [member for member in usable.values() if member.series.repairs]
    if repaired:
        repair = "masked" if task.missing == "mask" else "interpolated"
        filled = Counter[str]()
        for member in repaired:
            filled.update(repairs.per_split(member.series.filled, member.rows))
        counts = sum((Counter(member.series.repairs) for member in repaired), Counter[str]())
        audit["repairs"] = {**counts, f"{repair}_by_split": dict(filled)}
    return audit


def _in_order(task: Windowed, by_split: Mapping[str, Windows]) -> bool:
    """Whether each split forecasts only times after those of all earlier splits."""
    assert task.splits is not None, "refused before"
    times = [by_split[split].time for split in in_order(task.splits)]
    return all(earlier.max() + task.horizon <= later.min() for earlier, later in pairwise(times))


def _border(split: str, usable: Mapping[str, Member]) -> list[int]:
    begins, ends = zip(
        *((m.rows[split][0] + m.first, m.rows[split][1] + m.first) for m in usable.values()), strict=True
    )
    return [min(begins), max(ends)]


def _notes(usable: Mapping[str, Member], left_out: Mapping[str, str]) -> list[str]:
    lines = [f"a panel of {len(usable):,} series"]
    if left_out:
        named = listed([f"{shown(name)} ({reason})" for name, reason in left_out.items()], "series", NAMED)
        lines.append(f"left out: {len(left_out):,} series: {named}")
    return lines
