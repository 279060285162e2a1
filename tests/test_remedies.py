"""The table of remedies: what it takes from each stage, and dashes where there is nothing."""

import pytest

from pipeline import remedies
from pipeline.common import InputError, files, paths
from pipeline.reporting import sections

SHARE = {"mean": 1.0, "low": 0.68, "high": 1.0}


def timed(system, implementation="fused", steps=64, batch=8, **values):
    size = {"device": "cpu", "threads": 2, "steps": steps, "batch": batch, "width": 32}
    setting = {"system": system, "implementation": implementation, "precision": "fp32", "flush_denormal": True}
    return {**size, **setting, "seconds": 0.5, "tokens_per_second": 1024.0, **values}


@pytest.fixture
def measured(project):
    """What the stages found of rnn and gru, and nothing of lstm."""
    project(tasks={"imdb": {"kind": "sentiment"}}, architectures={"rnn": {}, "gru": {}, "lstm": {}})
    fresh = [
        {"architecture": "rnn", "initializer": "default", "horizon": 9, "steps": 201},
        {"architecture": "rnn", "initializer": "orthogonal", "horizon": 31, "steps": 201},
    ]
    write("diagnose", fresh=fresh)
    row = {"task": "recall", "variant": "bits", "architecture": "gru", "seeds": 8, "share": SHARE}
    far = {**row, "lag": 100, "solved": 8, "sequences": {"median": 18560.0}}
    near = {**row, "lag": 20, "solved": 8, "sequences": {"median": 5760.0}}
    write("memory", rows=[far, near, {**far, "variant": "1997", "solved": 1}])
    sums = {"architecture": "gru", "solved": 2, "seeds": 2, "seconds": {"median": 12.0}, "sequences": {"median": 4e4}}
    write("convergence", sum_sign=[sums])
    rows = [timed("rnn"), timed("gru"), timed("rnn", steps=256, batch=64), timed("gru", seconds=9.0, precision="bf16")]
    write("benchmark", rows=rows)
    score = {"accuracy": {"mean": 0.87, "low": 0.86, "high": 0.88}}
    files.write_json(paths.metrics("imdb"), {"results": [{"name": "gru", "metrics": score}]})
    cells = [
        {"optimizer": "adamw", "initializer": first, "clipping": clipping, "mean": 0.1, "low": 0.0, "high": 0.2}
        | {"diverged": 0.0}
        for first in ("deck", "default", "orthogonal")
        for clipping in ("none", "norm")
    ]
    files.write_json(paths.evidence("smoke", "recall"), {"task": "recall", "scale": "smoke", "cells": cells})


def write(stage, **values):
    files.write_json(paths.findings(stage), {"scale": "smoke", **values})


def test_each_remedy_is_seen_on_each_challenge(measured):
    remedies.main()
    found = files.read_json(paths.findings("remedies"))
    rows = {row["remedy"]: row for row in found["architectures"]}
    assert rows["rnn"]["vanishing"] == {"horizon": 9, "best": 31, "initializer": "orthogonal", "steps": 201}
    assert (rows["gru"]["memory"]["lag"], rows["gru"]["memory"]["solved"]) == (100, 8)  # the longest lag, of bits
    assert rows["gru"]["speed"]["seconds"] == 0.5
    assert rows["rnn"]["speed"]["steps"] == 64  # where both were measured
    assert rows["gru"]["imdb"]["mean"] == 0.87
    assert all(value is None for key, value in rows["lstm"].items() if key != "remedy")
    assert [row["remedies"] for row in found["choices"]] == [[], ["norm"], ["orthogonal"], ["orthogonal", "norm"]]


def test_its_table_has_dashes_for_what_was_not_measured(measured):
    remedies.main()
    shown = str(sections.section("remedies", [files.read_json(paths.findings("remedies"))]))
    assert "recall over the longest lag is learned by gru." in shown
    assert "9; 31 with orthogonal of 201 steps" in shown
    assert "<td>lstm</td>" + "<td>–</td>" * 5 in shown


def test_what_is_missing_is_named(measured):
    paths.findings("benchmark").unlink()
    with pytest.raises(InputError, match="no reports/benchmark.json: run `dvc repro benchmark` first"):
        remedies.main()
    assert not paths.findings("remedies").exists()
