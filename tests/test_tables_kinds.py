# ruff: noqa: E501  # one kind of file per line
"""Files of many kinds with known values: read to these values, or refused in one message that says why."""

import gzip
import io
import json
import zipfile
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.common import InputError
from pipeline.tasks.series import reading
from pipeline.tasks.series.settings_of_series import SeriesSettings
from pipeline.tasks.shared import file_faults, tables

HOURS = pd.date_range("2018-05-14 00:00", periods=30, freq="h")
LOAD = [1234.5 + 10 * n for n in range(30)]
HEAT = [-2.25 + n / 4 for n in range(30)]
BERLIN = pd.date_range("2018-10-27 22:00", periods=6, freq="h", tz="UTC")


def german(number: float) -> str:
    return f"{number:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def lines(times, loads=LOAD, heats=HEAT, sep=",", header="time,load,heat") -> str:
    rows = [sep.join(map(str, row)) for row in zip(times, loads, heats, strict=True)]
    return "\n".join([header.replace(",", sep), *rows]) + "\n"


def iso(times=HOURS):
    return [time.isoformat(sep=" ") for time in times]


def text(pattern: str, times=HOURS):
    return list(times.strftime(pattern))


def excel(rows) -> bytes:
    """A workbook of one sheet with text, numbers and dates, as spreadsheets write it."""
    cells = []
    for number, row in enumerate(rows, 1):
        row_cells = ""
        for place, cell in enumerate(row):
            name = f"{chr(65 + place)}{number}"
            if isinstance(cell, datetime):
                days = (cell - datetime(1899, 12, 30)).total_seconds() / 86400
                row_cells += f'<c r="{name}" s="1"><v>{days!r}</v></c>'
            elif isinstance(cell, str):
                row_cells += f'<c r="{name}" t="inlineStr"><is><t>{cell}</t></is></c>'
            else:
                row_cells += f'<c r="{name}"><v>{cell!r}</v></c>'
        cells.append(f'<row r="{number}">{row_cells}</row>')
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    spread = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="{spread}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{spread}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{spread}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}"><sheets><sheet name="Daten" sheetId="1" r:id="a"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="b" Type="{office}/styles" '
        'Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
        "</styleSheet>",
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{''.join(cells)}</sheetData></worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pd.DataFrame({"time": HOURS, "load": LOAD, "heat": HEAT}).to_parquet(file)
    return file.getvalue()


def zstd(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


GERMAN = lines(text("%d.%m.%Y %H:%M"), map(german, LOAD), map(german, HEAT), ";")
HALVES = [f"{value} kW" for value in LOAD]
BERLIN_LOCAL = [time.tz_convert("Europe/Berlin").strftime("%Y-%m-%d %H:%M") for time in BERLIN]
RECORDS = [{"time": t, "load": v, "heat": h} for t, v, h in zip(iso(), LOAD, HEAT, strict=True)]
SIX = {"loads": LOAD[:6], "heats": HEAT[:6]}

READ = {  # name: content, settings, and the times if they are not HOURS
    "comma": (lines(iso()), {}),
    "tab": (lines(iso(), sep="\t"), {}),
    "semicolon": (lines(iso(), sep=";"), {}),
    "bar": (lines(iso(), sep="|"), {}),
    "another separator, set": (lines(iso(), sep="~"), {"separator": "~"}),
    "German export": (GERMAN, {}),
    "German export in Windows-1252": (GERMAN.replace("heat", "heat;Größe").replace("\n", ";ä\n").replace("Größe;ä", "Größe").encode("cp1252"), {}),
    "German export in UTF-16": (GERMAN.encode("utf-16"), {}),
    "UTF-8 with a byte order mark": ("\ufeff" + lines(iso()), {}),
    "UTF-16 big-endian without a byte order mark": (lines(iso()).encode("utf-16-be"), {}),
    "Latin-1 beside its numbers": (lines(iso(), header="time,load,heat,note").replace("\n", ",Zürich\n").replace("note,Zürich", "note").encode("latin-1"), {}),
    "Cyrillic in Windows-1251": (lines(iso(), header="time,load,heat,город").replace("\n", ",Это было очень хорошее лето в большом городе\n").replace("город,Это было очень хорошее лето в большом городе", "город").encode("cp1251"), {}),
    "Japanese in an encoding that is set": (lines(iso(), header="time,load,heat,映画").replace("\n", ",とても良い映画\n").replace("映画,とても良い映画", "映画", 1).encode("shift_jis"), {"encoding": "shift_jis"}),
    "gzip": (gzip.compress(lines(iso()).encode()), {}),
    "zstd": (zstd(lines(iso()).encode()), {}),
    "JSON lines": ("".join(json.dumps(row) + "\n" for row in RECORDS), {}),
    "JSON lines, packed": (gzip.compress("".join(json.dumps(row) + "\n" for row in RECORDS).encode()), {}),
    "parquet": (parquet(), {}),
    "Excel": (excel([["time", "load", "heat"], *zip(HOURS.to_pydatetime(), LOAD, HEAT, strict=True)]), {}),
    "Excel with lines above": (excel([["Netz"], ["time", "load", "heat"], *zip(iso(), LOAD, HEAT, strict=True)]), {}),
    "American thousands, quoted": (lines(iso(), [f'"{v:,.2f}"' for v in LOAD]), {}),
    "thousands by a space": (lines(iso(), [f"{v:,.1f}".replace(",", " ") for v in LOAD], sep=";"), {}),
    "thousands by an apostrophe": (lines(iso(), [f"{v:,.1f}".replace(",", "'") for v in LOAD], sep=";"), {}),
    "decimal commas and tabs": (lines(iso(), [str(v).replace(".", ",") for v in LOAD], [str(v).replace(".", ",") for v in HEAT], "\t"), {}),
    "percent": (lines(iso(), [f"{v} %" for v in LOAD]), {}),
    "no header": (lines(iso()).split("\n", 1)[1], {"columns": ("time", "load", "heat")}),
    "other names, set": (lines(iso(), header="a,b,c"), {"columns": ("time", "load", "heat"), "header": True}),
    "lines above the header": ("# Station 5\nmade today\n\n" + lines(iso()), {}),
    "lines above, set": ("time;load\n" + lines(iso()), {"skip_lines": 1}),
    "comment lines among the rows": (lines(iso()).replace("\n2018-05-14 05", "\n# checked\n2018-05-14 05"), {}),
    "units below the header": (lines(["", *iso()], ["kW", *LOAD], ["°C", *HEAT]), {}),
    "an index without a name": (pd.DataFrame({"time": iso(), "load": LOAD, "heat": HEAT}).to_csv(), {}),
    "day first": (lines(text("%d/%m/%Y %H:%M")), {}),
    "month first, AM and PM": (lines(text("%m/%d/%Y %I:%M %p")), {}),
    "dates with names": (lines(text("%d-%b-%Y %H:%M")), {}),
    "digits": (lines(text("%Y%m%d%H%M")), {}),
    "a time format that is set": (lines(text("%Y|%d|%m %H.%M"), sep=";"), {"time_format": "%Y|%d|%m %H.%M"}),
    "date and time in two columns": (lines(text("%d.%m.%Y;%H:%M"), sep=";", header="day,hour,load,heat"), {"time": ("day", "hour")}),
    "hours from 1 to 24": (
        lines([f"{(t - pd.Timedelta(hours=1)):%d.%m.%Y};{(t - pd.Timedelta(hours=1)).hour + 1}" for t in HOURS], sep=";", header="day,hour,load,heat"),
        {"time": ("day", "hour")},
    ),
    "year, month, day and hour in four columns": (
        lines(text("%Y,%m,%d,%H"), header="year,month,day,hour,load,heat"),
        {"time": ("year", "month", "day", "hour")},
    ),
    "blank rows and empty columns at the end": (
        lines(text("%d/%m/%Y;%H.%M.%S"), sep=";", header="day,hour,load,heat").replace("\n", ";;\n") + ";;;;;\n" * 9,
        {"time": ("day", "hour")},
    ),
    "a line for Excel above the header": ("sep=;\n" + lines(iso(), sep=";"), {}),
    "24:00 ends a day": (lines([t.replace(" 00:00", " 24:00") if t.endswith(" 00:00") else t for t in [f"{(h - pd.Timedelta(days=1) if h.hour == 0 else h):%Y-%m-%d %H:%M}" for h in HOURS]]), {}),
    "spans of time": (lines([f"{t:%d.%m.%Y %H:%M} - {t + pd.Timedelta(hours=1):%d.%m.%Y %H:%M}" for t in HOURS]), {}),
    "seconds since 1970": (lines([int(t.timestamp()) for t in HOURS]), {}),
    "milliseconds since 1970": (lines([int(t.timestamp()) * 1000 for t in HOURS]), {}),
    "offsets that change": (lines([t.tz_convert("Europe/Berlin").isoformat() for t in BERLIN], **SIX), {}, BERLIN),
    "a zone, and its repeated hour": (lines(BERLIN_LOCAL, **SIX), {"zone": "Europe/Berlin"}, BERLIN),
    "quarters": (lines([f"2018-Q{n}" for n in (1, 2, 3, 4)] + ["2019-Q1", "2019-Q2"], **SIX), {}, pd.date_range("2018-01-01", periods=6, freq="QS")),
    "months": (lines(text("%Y-%m", pd.date_range("2018-01-01", periods=6, freq="MS")), **SIX), {}, pd.date_range("2018-01-01", periods=6, freq="MS")),
    "years": (lines(range(2010, 2016), **SIX), {}, pd.date_range("2010-01-01", periods=6, freq="YS")),
    "month ends": (lines(text("%d.%m.%Y", pd.date_range("2018-01-31", periods=6, freq="ME")), **SIX), {}, pd.date_range("2018-01-31", periods=6, freq="ME")),
    "business days": (lines(text("%Y-%m-%d", pd.date_range("2018-05-10", periods=6, freq="B")), **SIX), {}, pd.date_range("2018-05-10", periods=6, freq="B")),
    "rows out of order": (lines(iso()[::-1], LOAD[::-1], HEAT[::-1]), {}),
    "equal rows twice": (lines([*iso(), *iso()], LOAD * 2, HEAT * 2), {"duplicates": "first"}),
    "quarters of hours": (
        lines(iso(pd.date_range(HOURS[0], periods=120, freq="15min")), [v for v in LOAD for _ in range(4)], [h for h in HEAT for _ in range(4)]),
        {"every": "1h", "aggregate": "mean"},
    ),
    "a gap that is interpolated": (lines(iso()[:9] + iso()[11:], LOAD[:9] + LOAD[11:], HEAT[:9] + HEAT[11:]), {"missing": "interpolate"}),
    "1.234 where another column decides": (
        lines(iso(), [f"{v / 1000:.3f};0.5" for v in LOAD], sep=";", header="time,load,other,heat"), {"scale": 1000},
    ),
    "a sign for missing values": (
        lines(iso(), [*LOAD[:5], "?", *LOAD[6:]], sep=";"), {"missing": "interpolate", "missing_values": ("?",)},
    ),
    "a code for missing values": (lines(iso(), [*LOAD[:5], -9999, *LOAD[6:]]), {"missing": "interpolate", "missing_values": (-9999,)}),
}  # fmt: skip

REFUSED = {  # name: content, settings, and parts of the message
    "03/04, ambiguous": (
        lines(text("%d/%m/%Y %H:%M", pd.date_range("2018-04-03", periods=30, freq="h"))), {},
        ["'03/04/2018 00:00' may be 03 April 2018 (`time_format: \"%d/%m/%Y %H:%M\"`) or 04 March 2018"],
    ),
    "1.234, ambiguous": (
        lines(iso(), [f"{n}.234" for n in range(1, 31)], range(30), ";"), {},
        ["'1.234' may be 1.234 or 1234, and no cell decides: `decimal: \".\"`", '`decimal: ","` the second'],
    ),
    "numbers with units": (lines(iso(), HALVES), {}, ["cells with a number and a unit: load 30", "'1234.5 kW'", "`unit`"]),
    "a shifted row": (lines(iso()).replace("1284.5,", "1284.5,7,"), {}, ["rows with more cells than the header's 3: 1, first in line 7"]),
    "a zone that does not exist": (lines(iso()), {"zone": "Europe/Berln"}, ["no time zone is named 'Europe/Berln'", "Europe/Berlin"]),
    "a zone beside offsets": (lines([t + "Z" for t in iso()]), {"zone": "Europe/Berlin"}, ["times with an offset need no zone"]),
    "an hour that the zone skips": (
        lines(iso(pd.date_range("2018-03-25", periods=6, freq="h")), **SIX), {"zone": "Europe/Berlin"},
        ["times that a clock in Europe/Berlin never showed: 1, first in line 4, 2018-03-25 02:00:00"],
    ),
    "a clock change without a zone": (
        lines(iso(pd.date_range("2018-10-27 22:00", periods=24, freq="h", tz="UTC").tz_convert("Europe/Berlin").tz_localize(None)), LOAD[:24], HEAT[:24]), {},
        ["1 may be the hour that clocks repeat", "`zone: Europe/Berlin`, which makes the times regular"],
    ),
    "a gap that is too long": (lines(iso()[:9] + iso()[19:], LOAD[:9] + LOAD[19:], HEAT[:9] + HEAT[19:]), {"missing": "interpolate"}, ["a gap of 10 steps from 2018-05-14 09:00:00", "longest_gap"]),
    "gaps": (lines(iso()[:9] + iso()[11:], LOAD[:9] + LOAD[11:], HEAT[:9] + HEAT[11:]), {}, ["gaps (2 rows missing): 1"]),
    "irregular steps": (
        lines(iso(pd.DatetimeIndex([HOURS[0] + pd.Timedelta(minutes=7 * n * n + n % 3) for n in range(30)]))), {},
        ["uneven steps", "the steps are"],
    ),
    "a step that is shorter": (lines(iso()), {"every": "15min", "aggregate": "sum"}, ["every: 15min is shorter than the file's step, 01:00:00"]),
    "no such column": (lines(iso(), header="time,Load,heat"), {}, ["no column 'load'", "there are: time, Load, heat"]),
    "no header": (lines(iso()).split("\n", 1)[1], {}, ["no column 'time'", "the first line looks like a row: name the columns"]),
    "columns that do not fit": (lines(iso()).split("\n", 1)[1], {"columns": ("time", "load")}, ["`columns` names 2 columns, but line 1 has a different number of cells (3 by ,"]),
    "UTF-8 that is damaged": (lines(iso(), header="time,load,heat,größe").replace("\n", ",ä\n").encode().replace(b"\xc3\xa4\n", b"\xff\n", 1), {}, ["bytes that are not UTF-8: 1, first in line 1", "damaged"]),
    "Japanese in an old encoding": (
        ("time,load,heat,映画\n" + "2018-01-01,1,2,これはとても良い映画です\n" * 30).encode("shift_jis"), {},
        ["bytes that are not UTF-8: 31", "accepted: the setting `encoding: ...` (it may be "],
    ),
    "gzip that is cut off": (gzip.compress(lines(iso()).encode())[:-9], {}, ["is compressed with gzip and cannot be unpacked"]),
    "a PDF": (b"%PDF-1.7 and so on", {}, ["is a PDF document; accepted: text"]),
    "words": (lines(iso(), ["high"] * 30), {}, ["cells without a finite number: load 30 (first line 2, 2018-05-14 00:00:00: 'high')"]),
}  # fmt: skip


def read(folder, content, settings):
    path = folder / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    settings = dict(settings)
    time = settings.pop("time", "time")
    try:
        series = reading.read(path, "mine.csv", time, ["load", "heat"], SeriesSettings(**settings))
    except ValueError as error:
        raise InputError(str(error)) from None
    file_faults.refuse("mine.csv", series.faults)
    return series


def test_at_least_forty_kinds_of_files_are_covered():
    assert len(READ) + len(REFUSED) >= 40


@pytest.mark.parametrize("name", READ)
def test_each_kind_of_file_gives_its_true_values(tmp_path, name):
    content, settings, *times = READ[name]
    scale = settings.get("scale", 1)
    settings = {key: value for key, value in settings.items() if key != "scale"}
    series = read(tmp_path, content, settings)
    expected = times[0] if times else HOURS
    assert series.times.tz_localize(None).tolist() == expected.tz_localize(None).tolist()
    loads = [float(f"{value / scale:.3f}") for value in LOAD] if scale > 1 else LOAD
    true = np.stack([loads, HEAT], axis=1)
    assert np.allclose(series.values, true[: len(expected)], rtol=1e-12, atol=1e-12)
    assert series.faults == []


@pytest.mark.parametrize("name", REFUSED)
def test_an_unreadable_file_is_refused_with_all_details_in_one_message(tmp_path, name):
    content, settings, parts = REFUSED[name]
    with pytest.raises(InputError) as error:
        read(tmp_path, content, settings)
    for part in parts:
        assert part in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("name", ["a*.csv", "a?.csv", "[ab].csv", "it's.csv", 'a"b.csv', "{a,b}.csv", "ü .csv"])
def test_a_file_name_is_never_a_glob_pattern_or_sql(tmp_path, name):
    (tmp_path / name).write_text(lines(iso()))
    for other in ("ab.csv", "a.csv", "b.csv"):
        (tmp_path / other).write_text(lines(iso()[:5], LOAD[:5], HEAT[:5]))
    assert len(reading.read(tmp_path / name, name, "time", ["load"]).times) == 30


def test_a_column_name_is_never_sql(tmp_path):
    odd = 'a"; DROP TABLE x; --'
    rows = pd.DataFrame({"time": iso(), odd: LOAD, "it's": HEAT})
    rows.to_csv(tmp_path / "mine.csv", index=False)
    series = reading.read(tmp_path / "mine.csv", "mine.csv", "time", [odd, "it's"])
    assert series.values[:, 0].tolist() == LOAD


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(lines(iso()))
    with pytest.raises(InputError, match=r"mine.csv changed while it was read: try again"):  # noqa: SIM117
        with tables.opened(path, "mine.csv", ["time"]) as table:
            assert table.rows == 30
            path.write_text(lines(iso()) + "2018-05-15 06:00:00,1,2\n")


def test_an_unclosed_quote_never_drops_a_row_silently(tmp_path):
    """DuckDB silently drops such a row, even if another cell contains a quote."""
    for content in ('text,load\n"fine,1\n', 'text,load\na 5" pipe,1\n"fine,1\n', 'text,load\nok,1\n"'):
        (tmp_path / "mine.csv").write_text(content)
        with tables.opened(tmp_path / "mine.csv", "mine.csv", ["text", "load"]) as table:
            assert any("cells with a wrong quote" in fault for fault in table.faults), content
