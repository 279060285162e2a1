"""CSV files in the variants that people write, for all readers (series, reviews, requests): same values, or refused."""

import gzip
import io
import shutil
import zipfile

import pandas as pd
import pyarrow.parquet as pq
import pytest
import series_files

from pipeline.common import InputError
from pipeline.services import Column
from pipeline.serving import tables
from pipeline.tasks.sentiment import Sentiment
from pipeline.tasks.shared import text_files
from pipeline.tasks.shared.tables import numbers, opened

COLUMNS = [Column("text", "string"), Column("load", "double")]
PANDAS = ("Error tokenizing", "dtype", "low_memory", "format=", "infer", "pandas", "C error", "schema", "codec")


def table() -> pd.DataFrame:
    """48 rows that a series, reviews and requests can be read from; the texts have quotes, commas and line breaks."""
    rows = series_files.table()
    texts = [f'review {n}, "quoted"\nand on' if n % 5 == 0 else f"review {n}" for n in range(len(rows))]
    return rows.assign(text=texts, label=[n % 2 for n in range(len(rows))])


def series(path, folder):
    (folder / "raw").mkdir()
    (folder / "prepared").mkdir()
    shutil.copy(path, folder / "raw/series.csv")
    series_files.task().prepare(folder / "raw", folder / "prepared", seed=0)
    return (folder / "prepared/shared.arrow").read_bytes()


def reviews(path, folder):
    Sentiment(source=str(path)).fetch(folder)
    return pq.read_table(folder / "train.parquet").to_pydict()


def requests(path, folder):
    return pd.concat(tables.read(path, COLUMNS), ignore_index=True).to_dict("list")


READERS = {"series": series, "reviews": reviews, "requests": requests}


@pytest.fixture(params=READERS)
def read(request, tmp_path):
    """A function that gives what a reader reads from text or bytes, each in a separate folder."""

    def read_content(content):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        path = folder / "mine.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return READERS[request.param](path, folder)

    return read_content


@pytest.fixture
def refused(read):
    """A function that gives the message with which a reader refuses a file; it is never another library's message."""

    def message_for(content):
        with pytest.raises(InputError) as error:
            read(content)
        assert not any(word in str(error.value) for word in PANDAS)
        return str(error.value)

    return message_for


def lines_of(rows: pd.DataFrame, **settings) -> str:
    return rows.to_csv(index=False, **settings)


def with_commas(rows: pd.DataFrame, header: bool) -> str:
    """With a comma at the end of each row, and perhaps of the header."""
    text = rows.assign(last="").rename(columns={"last": ""}).to_csv(index=False)
    return text if header else text.replace("label,\n", "label\n", 1)


def test_a_comma_at_the_end_of_each_line_is_refused(refused):
    """Otherwise every value would be in the column of its neighbour."""
    message = refused(with_commas(table(), header=False))
    assert "rows with more cells than the header's 6: 48, first in line 2 (7 cells)" in message
    assert "a comma at the end of a line: end the header with one, too" in message
    assert "\n" not in message


def test_an_index_without_a_name_in_the_header_is_refused(refused):
    header, rows = lines_of(table()).split("\n", 1)
    message = refused(header + "\n" + table().to_csv(header=False))
    assert rows
    assert "rows with more cells than the header's 6: 48, first in line 2 (7 cells)" in message
    assert "begin the header with a comma" in message


def test_rows_that_are_too_long_or_short_are_counted_with_their_lines(refused):
    """The fourth row is in line 6, since the text of the first has two lines; it has an unquoted value with commas."""
    rows = [table().iloc[[row]].to_csv(index=False, header=False) for row in range(48)]
    rows[3] = rows[3].replace("review", "a review, long,")
    rows[7] = rows[7].replace(",review", "")
    rows[8] = rows[8].replace(",review", "")
    message = refused(lines_of(table()[:0]) + "".join(rows))
    assert "rows with more cells than the header's 6: 1, first in line 6 (8 cells)" in message
    assert "a value that contains a comma must be in quotes" in message
    assert "rows with fewer cells than the header's 6: 2, first in line 11 (5 cells)" in message


def test_equivalent_variants_of_csv_give_the_same_values(read):
    rows, shuffled = table(), ["work", "label", "heat", "text", "load", "time"]
    expected = read(lines_of(rows))
    for content in (
        rows.to_csv(),  # with an index, whose column has no name
        with_commas(rows, header=True),
        lines_of(rows, lineterminator="\r\n").replace("\nand on", "\nand on"),
        "\ufeff" + lines_of(rows),
        "\n\n" + lines_of(rows) + "\n  \n\n",
        lines_of(rows, quoting=1),  # every cell
        lines_of(rows[shuffled]),
        lines_of(rows.assign(more="a, b")),
        lines_of(rows.assign(more=1, again=2).rename(columns={"again": "more"})),
    ):
        assert read(content) == expected


FILES = {
    "gzip that is cut off": (gzip.compress(lines_of(table()).encode())[:-50], "with gzip and cannot be unpacked"),
    "UTF-16 that is cut off": (lines_of(table()).encode("utf-16")[:-1], "is not utf-16 text"),
    "a page": (b"<!DOCTYPE html>\n<html><body>See here</body></html>", "an HTML page"),
    "nothing": (b"", "no header line"),
    "blank": (b"\n\n ,\n", "no header line"),
    "UTF-8 with a wrong byte": (
        lines_of(table()).replace("review", "revü").encode().replace(b"rev\xc3\xbc 7", b"rev\xff 7", 1),
        "bytes that are not UTF-8: 1, first in line 11,",
    ),
    "a quote that never ends": (lines_of(table()).replace(",review 47,", ',"review 47,'), "line 59 (it never ends)"),
    "a quote within quotes": (lines_of(table()).replace(",review 7,", ',"review "7",'), "line 11 (text follows its"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_csv_is_reported_with_its_place(name, refused):
    content, expected = FILES[name]
    assert expected in refused(content)


DIALECTS = {
    "gzip": gzip.compress(lines_of(table()).encode()),
    "UTF-16": lines_of(table()).encode("utf-16"),
    "UTF-16 without a mark": lines_of(table()).encode("utf-16-le"),
    "UTF-32": lines_of(table()).encode("utf-32"),
    "semicolons": lines_of(table(), sep=";").encode(),
    "tabs": lines_of(table(), sep="\t").encode(),
    "bars": lines_of(table(), sep="|").encode(),
    "lines above": ("# made today\nStation 5\n\n" + lines_of(table())).encode(),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_another_dialect_or_encoding_gives_the_same_values(name, read):
    assert read(DIALECTS[name]) == read(lines_of(table()))


def test_a_duplicate_column_name_is_refused_if_it_is_read(refused):
    duplicated = table().assign(more=1, most=2).rename(columns={"more": "load", "most": "text"})
    message = refused(lines_of(duplicated))
    assert (
        "2 columns are named 'load'; accepted: one" in message or "2 columns are named 'text'; accepted: one" in message
    )


@pytest.mark.parametrize("name", ["\x1b[31mtime", "\x00", " text", "x" * 5000, "\u2028load"])
def test_unprintable_names_are_quoted_and_shortened(refused, name):
    message = refused(lines_of(table().rename(columns=dict.fromkeys(("time", "text", "load"), name))))
    assert f"; there are: {name[:40]!r}" in message
    assert message.isprintable()
    assert len(message) < 300


def test_a_long_list_of_names_is_shortened(refused):
    rows = table().drop(columns=["time", "text", "load"])
    more = pd.DataFrame(1, rows.index, [f"column{number}" for number in range(500)])
    message = refused(lines_of(pd.concat([rows, more], axis=1)))
    assert "column46 and 453 more columns" in message


def test_an_archive_is_named_and_parquet_is_read(refused, read):
    archive, parquet = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mine.csv", lines_of(table()))
    table().to_parquet(parquet)
    assert "is a zip archive: unpack it; accepted: text (CSV, TSV, JSON lines), parquet" in refused(archive.getvalue())
    assert read(parquet.getvalue()) == read(lines_of(table()))


def test_line_numbers_are_those_of_the_file_across_pieces(tmp_path):
    rows = ["text,load"] + ['"two\nlines",1'] * 6000 + ["one,2"] * 3000 + ["one,2,3", "", "one,2", "one"]
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n")
    with opened(tmp_path / "mine.csv", "mine.csv", ["text", "load"]) as file:
        assert not file.by_duckdb
        assert sum(piece.rows for piece in file.pieces(["text"])) == file.rows == 9001
        assert [file.place(row) for row in (5999, 6000, 6001)] == ["line 12000", "line 12002", "line 12003"]
    assert file.faults == [
        "rows with more cells than the header's 2: 1, first in line 15002 (3 cells); "
        "a value that contains a comma must be in quotes",
        "rows with fewer cells than the header's 2: 1, first in line 15005 (1 cell)",
    ]


def test_each_signature_of_a_file_that_is_not_text_is_recognised(tmp_path):
    for mark, kind in text_files.MARKS.items():
        (tmp_path / "mine.csv").write_bytes(mark + b"and more")
        assert text_files.other_kind(tmp_path / "mine.csv") == kind


def test_flags_and_numbers_are_parsed_equally_in_training_and_requests(tmp_path):
    cells = ["1", " 2.5 ", "1e3", "True", "false", "-0", "1_000", "0x1", "", "yes", "inf"]
    values = numbers.numbers(cells)
    assert values[:6].tolist() == [1.0, 2.5, 1000.0, 1.0, 0.0, 0.0]
    assert [value != value for value in values[6:10].tolist()] == [True] * 4
    assert values[10] == float("inf")
    flags = series_files.table().assign(work=lambda rows: rows["work"] == 1)
    assert set(flags["work"].astype(str)) == {"True", "False"}
    prepared = [series_files.prepare(tmp_path / n, t) for n, t in (("a", flags), ("b", series_files.table()))]
    assert prepared[0].audit == prepared[1].audit
