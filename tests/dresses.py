"""A table as people may write it, and as nobody should: seeded files of CSV and JSON lines.

`dressed` keeps every value, however it is written; `damaged` does not.

    time,load                     "load","","time"\\r\\n                        time,load
    2020-01-01T00:00:00Z,5   ->   "5e0","0","2020-01-01 02:00:00+02:00"\\r\\n      2020-01-01T00:00:00Z,9999...

A table is a header and rows of cells: text, numbers, times, or None.
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd

Rows = list[list[Any]]
Table = tuple[list[str], Rows]
ADVICE = (  # of libraries, to those who program with them
    "Error tokenizing", "dtype", "low_memory", "format=", "infer", "pandas", "pyarrow", "C error", "schema", "codec",
    "Traceback", "site-packages", "model failed", "errors=", "unit=",
)  # fmt: skip
ZONES = ("UTC", "Europe/Berlin", "Etc/GMT+12", "Asia/Kathmandu")
OF_TIMES: list[Callable[[pd.Timestamp], str]] = [
    pd.Timestamp.isoformat,
    str,
    lambda time: time.isoformat().replace("+00:00", "Z"),
    lambda time: time.strftime("%Y-%m-%dT%H:%M%z"),
    lambda time: time.strftime("%Y-%m-%d %H:%M:%S.000%z"),
    lambda time: time.strftime("%Y%m%dT%H%M%S%z"),
]


class Number(str):
    """A number as its digits stand in the file; JSON has them without quotes."""


OF_INTEGERS = [str, "{}.0".format, "{}e0".format, "{:.3e}".format]
OF_FLOATS = [repr, "{:.17e}".format, lambda number: f"{Decimal(number)}", lambda number: f"{number!r}00"]
OF_CELLS: list[Any] = [
    None, True, "", " ", "NaN", "inf", "1_000", "٣", "0x1F", "5,1", "--", "\x00", "\ud800", "\u202e", "\x1b[31m", "now",
    [1], {"a": 1}, [[[]]], "[" * 50, "2020-02-30", "9999-12-31 23:59:59", "0001-01-01", "1677-09-20", "20200101", "1e5",
    "2020-01-01T00:00:00+99:99", "2020-01-02 00:00:00.000000001", "<br />", "&nbsp;", "a " * 60_000, "é" * 50, -1, 2,
    *map(Number, ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e308", "-1e308", "1e200", "5e-324", "1e-400")),
    *map(Number, ("9" * 5000, "9" * 400, str(2**63), str(-(2**63)), str(2**64), "1" + "0" * 30, "-0", "1e99999")),
]  # fmt: skip


def plain(table: Table, ending: str) -> bytes:
    """The file that everything else is compared with."""
    header, rows = table
    cells = [[cell.isoformat() if isinstance(cell, pd.Timestamp) else cell for cell in row] for row in rows]
    return (as_csv(header, cells) if ending == ".csv" else as_json(header, cells)).encode("utf-8", "surrogatepass")


def dressed(table: Table, ending: str, chance: random.Random) -> bytes:
    """The same values in other letters. Every dress occurs by itself, and with others."""
    header, rows = table
    kinds = chance.sample(range(6), chance.randint(1, 3))
    if 0 in kinds:
        rows = in_other_zones(rows, chance)
    if 1 in kinds:
        rows = with_other_digits(rows, chance)
    if 2 in kinds:
        header, rows = with_more_columns(header, rows, chance)
    if 3 in kinds:
        header, rows = in_another_order(header, rows, chance)
    rows = [[cell.isoformat() if isinstance(cell, pd.Timestamp) else cell for cell in row] for row in rows]
    if ending == ".csv":
        text = as_csv(header, rows, chance if 4 in kinds else None)
    else:
        text = as_json(header, rows, chance if 4 in kinds else None)
    return in_other_bytes(text, chance) if 5 in kinds else text.encode()


def damaged(table: Table, ending: str, chance: random.Random) -> bytes:
    """One to three changes: mostly to cells, rows and names, some to bytes."""
    in_rows, in_bytes = chance.choice([(1, 0), (1, 0), (2, 0), (3, 0), (0, 1), (0, 2), (1, 1)])
    header = list(table[0])
    rows = [[cell.isoformat() if isinstance(cell, pd.Timestamp) else cell for cell in row] for row in table[1]]
    for _ in range(in_rows):
        if rows:
            chance.choice(IN_ROWS)(header, rows, chance)
    content = plain((header, rows), ending)
    for _ in range(in_bytes):
        content = chance.choice(IN_BYTES)(content, chance)
    return content


def as_csv(header: list[str], rows: Rows, chance: random.Random | None = None) -> str:
    """With other quotes, line ends, an index as pandas writes it, or commas and blank lines at the end."""
    quoting, end, blank = csv.QUOTE_MINIMAL, "\n", ""
    if chance:
        end = chance.choice(["\n", "\r\n", "\r"])
        quoting = csv.QUOTE_ALL if end == "\r" else chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        blank = chance.choice(["", end, end * 3, f"  {end}{end}"])
        if chance.random() < 0.3:
            header, rows = ["", *header], [[number, *row] for number, row in enumerate(rows)]
        if chance.random() < 0.2:
            header, rows = [*header, ""], [[*row, None] for row in rows]
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting, lineterminator=end).writerows([header, *rows])
    return file.getvalue() + blank


def as_json(header: list[str], rows: Rows, chance: random.Random | None = None) -> str:
    """With other spaces, escapes and line ends, keys in another order in each line, or blank lines."""
    comma, colon, end, escaped = ", ", ": ", "\n", True
    if chance:
        comma, colon = chance.choice([(", ", ": "), (",", ":"), (" ,\t", " : ")])
        end, escaped = chance.choice(["\n", "\r\n", "\n \n"]), chance.random() < 0.5
    lines = []
    for row in rows:
        pairs = list(zip(header, row, strict=False)) + [("more", cell) for cell in row[len(header) :]]
        if chance:
            pairs = [pair for pair in pairs if pair[1] is not None or chance.random() < 0.5]
            chance.shuffle(pairs)
        written = [f"{json.dumps(name)}{colon}{in_json(cell, escaped)}" for name, cell in pairs]
        lines.append(f"{{{comma.join(written)}}}{end}")
    return "".join(lines)


def in_json(cell: Any, escaped: bool) -> str:
    return str(cell) if isinstance(cell, Number) else json.dumps(cell, ensure_ascii=escaped)


def in_other_zones(rows: Rows, chance: random.Random) -> Rows:
    zone, write = chance.choice(ZONES), chance.choice(OF_TIMES)
    moved = lambda time: time if time.tzinfo is None else time.tz_convert(zone)  # noqa: E731
    return [[write(moved(cell)) if isinstance(cell, pd.Timestamp) else cell for cell in row] for row in rows]


def with_other_digits(rows: Rows, chance: random.Random) -> Rows:
    def digits(cell: Any) -> Any:
        if isinstance(cell, int):
            return Number(chance.choice(OF_INTEGERS)(cell))
        return Number(chance.choice(OF_FLOATS)(cell)) if isinstance(cell, float) else cell

    return [[digits(cell) for cell in row] for row in rows]


def with_more_columns(header: list[str], rows: Rows, chance: random.Random) -> Table:
    names = chance.sample(["more", "a, b", "é", 'a "b"', "two\nlines", " "], chance.randint(1, 2))
    cells = [None, 5, "x", "a, b", 'a "b"', "two\nlines", "é"]
    return header + names, [row + [chance.choice(cells) for _ in names] for row in rows]


def in_another_order(header: list[str], rows: Rows, chance: random.Random) -> Table:
    places = chance.sample(range(len(header)), len(header))
    return [header[place] for place in places], [[row[place] for place in places] for row in rows]


def in_other_bytes(text: str, chance: random.Random) -> bytes:
    return chance.choice(
        [
            lambda: b"\xef\xbb\xbf" + text.encode(),
            lambda: gzip.compress(text.encode(), mtime=0),
            lambda: text.encode(chance.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"])),
        ]
    )()


def replace_cell(header: list[str], rows: Rows, chance: random.Random) -> None:
    row = chance.choice(rows)
    if row:
        row[chance.randrange(len(row))] = chance.choice(OF_CELLS)


def replace_column(header: list[str], rows: Rows, chance: random.Random) -> None:
    """From some row on."""
    place, value = chance.randrange(len(header)), chance.choice(OF_CELLS)
    for row in rows[chance.choice([0, 0, chance.randrange(len(rows))]) :]:
        row[place : place + 1] = [value]


def shift_columns(header: list[str], rows: Rows, chance: random.Random) -> None:
    begin, place = chance.randrange(len(rows)), chance.randrange(len(header))
    for row in rows[begin : begin + chance.choice([1, 3, len(rows)])]:
        if chance.random() < 0.5:
            row.insert(place, chance.choice(OF_CELLS))
        else:
            del row[place : place + 1]


def repeat_rows(header: list[str], rows: Rows, chance: random.Random) -> None:
    begin = chance.randrange(len(rows))
    rows[begin:begin] = [list(row) for row in rows[begin : begin + chance.choice([1, 5, len(rows)])]]


def drop_rows(header: list[str], rows: Rows, chance: random.Random) -> None:
    begin = chance.randrange(len(rows))
    del rows[begin : begin + chance.choice([1, 5, len(rows)])]


def disorder_rows(header: list[str], rows: Rows, chance: random.Random) -> None:
    chance.choice([rows.reverse, rows.sort, lambda: chance.shuffle(rows)] if unmixed(rows) else [rows.reverse])()


def unmixed(rows: Rows) -> bool:
    """Whether Python can order them."""
    try:
        sorted(rows)
    except TypeError:
        return False
    return True


def repeat_header(header: list[str], rows: Rows, chance: random.Random) -> None:
    rows.insert(chance.choice([0, chance.randrange(len(rows))]), list(header))


def rename_column(header: list[str], rows: Rows, chance: random.Random) -> None:
    names = [*header, "", " ", "\x00", "\ud800", "a\nb", "\x1b[31m", header[0].upper(), f" {header[-1]}", "x" * 5000]
    header[chance.randrange(len(header))] = chance.choice(names)


def drop_column(header: list[str], rows: Rows, chance: random.Random) -> None:
    place = chance.randrange(len(header))
    for row in [header, *rows] if len(header) > 1 else []:
        del row[place : place + 1]


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randint(0, len(content))]


def cut_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.split(b"\n")
    for _ in range(chance.choice([1, 5])):
        place = chance.randrange(len(lines))
        lines[place] = lines[place][: chance.randint(0, len(lines[place]))]
    return b"\n".join(lines)


def spoil(content: bytes, chance: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(chance.choice([1, 3, 30]) if found else 0):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def insert(content: bytes, chance: random.Random) -> bytes:
    pieces = [b'"', b"'", b"\x00", b"\x00" * 5000, b",", b"\n", b"\r", b"\x1a", b"\xff\xfe", b'"\n', b"\xc3"]
    pieces += [b"[" * 100_000, b"\n" + b'{"a":' * 100_000 + b"\n", b"9" * 6000, b"\n{}\n", b"\n[]\nnull\n5\n", b"{"]
    pieces += [b'\n"x" y,', b"\xe2\x80\xa8", b"a" * 200_000, b"\xed\xa0\x80", chance.randbytes(50)]
    place = chance.choice([0, len(content), chance.randint(0, len(content))])
    return content[:place] + chance.choice(pieces) + content[place:]


def replace_whole(content: bytes, chance: random.Random) -> bytes:
    return chance.choice([b"", b"\n", b",", b"\x00", b'"', b"{}", b"null", b"time,load", chance.randbytes(200)])


def change_separator(content: bytes, chance: random.Random) -> bytes:
    return content.replace(b",", chance.choice([b";", b"\t", b"|", b", ", b",,"]))


IN_ROWS = [replace_cell] * 9 + [replace_column] * 2 + [shift_columns] * 2 + [rename_column] * 2 + [repeat_rows]
IN_ROWS += [drop_rows, disorder_rows, repeat_header, drop_column]
IN_BYTES = [cut, cut_lines, cut_lines, spoil, spoil, insert, insert, insert, replace_whole, change_separator]
