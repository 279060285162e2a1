"""The benchmark stage at tiny sizes: what it times, what the times say, that each setting has a fresh process."""

import json
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import psutil
import pytest
import torch
from mlflow.tracking import MlflowClient
from torch.utils.flop_counter import FlopCounterMode

from pipeline import benchmark
from pipeline.architectures import Architecture
from pipeline.challenges.deck import loop
from pipeline.challenges.shared import hardware
from pipeline.challenges.speed import controls, experiment, fresh_process, long_sequences, summaries, systems, timing
from pipeline.challenges.speed.settings import Benchmark
from pipeline.challenges.speed.timing import Job, Setting
from pipeline.common import InputError, files, paths
from pipeline.common.registry import find
from pipeline.reporting import sections
from pipeline.tracking import findings, store

TINY = {
    "lengths": [4, 8],
    "width": 8,
    "batch": 2,
    "batches": [1, 2],
    "side_lengths": [8],
    "denormal_lengths": [8],
    "denormal_widths": [8],
    "denormal_batch": 2,
    "memory_steps": 8,
    "long_steps": 16,
    "long_batch": 1,
    "chunk": 4,
    "seconds": 1e-6,
    "passes": 1,
    "matrix": 32,
}
CPU = Setting("cpu", 2, True, "fp32")
CASE = {"system": "gru", "implementation": "fused", "steps": 8, "batch": 2, "width": 8, "seconds": 1e-6, "passes": 1}


def row(system, implementation, steps, seconds, **more):
    size = {"steps": steps, "batch": 1, "width": 8}
    setting = {"device": "cpu", "threads": 2, "flush_denormal": True, "precision": "fp32"}
    given = {"system": system, "implementation": implementation, "seconds": float(seconds)}
    return {**given, **size, **setting, **more}


@pytest.mark.parametrize("system", ["rnn", "gru", "lstm"])
def test_a_loop_of_cells_is_the_fused_module(system):
    torch.manual_seed(0)
    fused, cells, x = systems.build(system, "fused", 6), systems.build(system, "cells", 6), torch.randn(2, 9, 6)
    weights = {f"cell.{name.removesuffix('_l0')}": value for name, value in fused.cell.state_dict().items()}
    cells.load_state_dict(weights)
    torch.testing.assert_close(cells(x), fused(x), atol=1e-6, rtol=1e-6)


def test_scan_and_loop_agree_at_4096_steps():
    torch.manual_seed(0)
    found = controls.scan_and_loop((systems.build("min_gru", "scan", 8), torch.randn(2, 4096, 8)))
    assert 0 < found["outputs"] < 1e-5  # not the same computation, but the same result
    assert 0 < found["gradients_relative"] < 1e-5


@pytest.mark.parametrize(
    ("system", "per_token"),
    [("rnn", 4), ("gru", 12), ("lstm", 16), ("min_gru", 8), ("attention", 20), ("transformer", 48)],
)
def test_operations_are_those_of_the_matrices_and_of_attention(system, per_token):
    width, steps, batch = 8, 16, 3
    layers = {"attention": 1, "transformer": 2}.get(system, 0)
    forward = per_token * width**2 * steps * batch + layers * 4 * width * sum(range(1, steps + 1)) * batch
    core = systems.build(system, next(iter(find(Architecture, system).implementations())), width)
    assert systems.operations(system, core, steps, batch, width) == 3 * forward


def test_torch_counts_the_same_operations():
    core, x = systems.build("min_gru", "loop", 8), torch.randn(2, 5, 8)
    step = systems.training_step(core, x, "fp32")
    with FlopCounterMode(display=False) as counter:
        step()
    assert counter.get_total_flops() == systems.operations("min_gru", core, 5, 2, 8)


@pytest.mark.parametrize("implementation", ["scan", "loop"])
def test_a_step_leaves_a_gradient_for_every_weight_and_the_input(implementation):
    core, x = systems.build("min_gru", implementation, 8), torch.randn(2, 5, 8)
    systems.training_step(core, x, "fp32")()
    assert all(gradient is not None and gradient.any() for gradient in [x.grad, *(p.grad for p in core.parameters())])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (("elman", "fused"), "no architecture named 'elman'"),
        (("lstm", "scan"), "no implementation of lstm named 'scan'"),
    ],
)
def test_an_unknown_system_is_told(name, told):
    with pytest.raises(InputError, match=told):
        systems.build(*name, 8)


@pytest.mark.parametrize("system", ["gru", "lstm"])
def test_a_core_in_chunks_has_the_gradient_of_the_plain_one_and_keeps_less(system):
    torch.manual_seed(0)
    plain, x = systems.build(system, "fused", 6).double(), torch.randn(2, 50, 6, dtype=torch.float64)
    chunked = long_sequences.Checkpointed(plain.cell, 8)
    torch.testing.assert_close(chunked(x), plain(x), atol=1e-12, rtol=0)
    assert long_sequences.difference(plain, chunked, x) < 1e-6
    assert kept(chunked, x) < kept(plain, x) / 3


def kept(core, x):
    """Bytes that a forward pass keeps for the backward pass."""
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.nbytes) or t, lambda t: t):
        core(x.clone().requires_grad_())
    return sum(sizes)


def test_the_decks_loop_is_the_plain_rnn():
    x, wxh, whh = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[0.1, 0.2]]), np.array([[0.3]])
    first = np.tanh(0.5)
    assert loop.states(x, wxh, whh).tolist() == [[first], [pytest.approx(np.tanh(0.05 - 0.2 + 0.3 * first))]]
    random = np.random.default_rng(0)
    x, wxh, whh = random.normal(size=(50, 4)), random.normal(size=(6, 4)), random.normal(size=(6, 6))
    with torch.no_grad():
        fused = controls.torch_rnn(wxh, whh)(torch.from_numpy(x)[None])[0][0].numpy()
    assert np.abs(loop.states(x, wxh, whh) - fused).max() < 1e-6


@pytest.mark.parametrize(
    ("durations", "seconds", "passes", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 10.0, 4, [2.0, 3.0, 4.0, 5.0]),  # the first warms up
        ([1.0, 9.0, 1.0, 1.0, 1.0], 4.5, 9, [9.0, 1.0, 1.0, 1.0]),  # a slow one takes no other's place
        ([4.0, 3.0, 3.0, 3.0, 3.0], 6.0, 9, [3.0, 3.0, 3.0]),  # fewer make no median
        ([7.0, 1.0], 6.0, 9, [7.0]),  # it took all the time
    ],
)
def test_the_clock_is_patient_within_its_time(monkeypatch, durations, seconds, passes, expected):
    now, left = [0.0], list(durations)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def work():
        now[0] += left.pop(0)

    assert timing.clock(work, "cpu", seconds, passes) == expected


def test_each_setting_has_a_fresh_process():
    """One server: first with flush-denormal, then without, then with: every thread of each pool does as it is told."""
    flushes = [True, False, True]
    with fresh_process.server() as answers:
        for flush in flushes:
            job = Job(Setting("cpu", 2, flush, "fp32"), 0, [("peak", {"side": 64}), ("step", CASE)])
            (_, peak), (_, found) = answers(job)
            assert peak["flush_denormal"] == found["flush_denormal"] == flush
            assert found["share_of_peak"] == pytest.approx(
                found["operations"] / found["seconds"] / peak["operations_per_second"]
            )
            assert found["tokens_per_second"] == pytest.approx(16 / found["seconds"])
            *_, (_, numbers) = answers(Job(Setting("cpu", 1, flush, "fp32"), 0, [SUBNORMALS]))
            assert numbers["multiplication_times_slower"] > 0
            assert (numbers["share_of_gradients"]["rnn"] > 0.01) == (not flush)
        _, memory = next(answers(Job(CPU, 0, [("memory", MEMORY)])))
        assert memory["peak_bytes"] > 64 * 256 * 32 * 4  # the outputs, at least
        assert memory["bytes_per_token"] == memory["peak_bytes"] / (64 * 256)
        server = psutil.Process().children()[-1]
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


SUBNORMALS = ("subnormals", {"names": ["rnn"], "steps": 256, "batch": 2, "width": 32})
MEMORY = {"system": "gru", "implementation": "fused", "steps": 256, "batch": 64, "width": 32, "is_long": False}


def test_what_others_compute_is_seen_and_what_this_computes_is_not():
    def burn(seconds):
        begun = time.process_time()
        while time.process_time() - begun < seconds:
            pass

    alone = hardware.LoadMonitor()
    burn(0.2)
    own = alone._now()[2] - alone.start[2]
    assert own == pytest.approx(0.2, abs=0.05)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        time.sleep(0.3)
        beside = hardware.LoadMonitor()
        time.sleep(0.5)
        share = beside.others()
        other.kill()
    assert share > 0.5 / psutil.cpu_count()  # a child that has not ended counts as another


def test_a_process_that_fails_is_told(capfd):
    with fresh_process.server() as answers, pytest.raises(RuntimeError, match="exited before it was done"):
        next(answers(Job(CPU, 0, [("step", {**CASE, "system": "elman"})])))
    assert "no architecture named 'elman'" in capfd.readouterr().err


def test_where_one_overtakes_another():
    assert summaries.crossing({64: 0.5, 256: 2.0}) == {
        "shortest_faster": 256,
        "crossings": [{"steps": pytest.approx(128.0), "between": [64, 256], "becomes": "faster"}],
        "times_faster": [{"steps": 64, "times": 0.5}, {"steps": 256, "times": 2.0}],
    }
    assert summaries.crossing({1: 4.0, 10: 0.25, 100: 0.5})["crossings"][0]["becomes"] == "slower"
    assert summaries.crossing({1: 0.5, 10: 0.25})["shortest_faster"] is None
    rows = [row("transformer", "fused", n, n * n) for n in (1, 4, 16)] + [
        row("lstm", "fused", n, 2 * n) for n in (1, 4, 16)
    ]
    (found,) = summaries.crossovers([*rows, row("lstm", "fused", 4, 9.0, batch=2)])
    assert (found["system"], found["against"], found["batch"]) == ("transformer fused", "lstm fused", 1)
    assert found["crossings"] == [{"steps": pytest.approx(2.0), "between": [1, 4], "becomes": "slower"}]


def test_marks_say_what_was_asked_and_found():
    there = [
        row("lstm", "fused", 256, 0.1, batch=64, width=128, share_of_peak=0.3),
        row("lstm", "fused", 256, 1.0, batch=64, width=128, share_of_peak=0.03, flush_denormal=False),
    ]
    found = {m["mark"]: m for m in summaries.marks(there, {"times_faster": 6.0}, {"outputs": 1e-7})}
    assert (found["flush_denormal_gain_lstm"]["found"], found["flush_denormal_gain_lstm"]["met"]) == (10.0, True)
    assert (found["share_of_peak_lstm"]["found"], found["share_of_peak_lstm"]["met"]) == (0.3, False)
    assert (found["flush_denormal_gain_gru"]["found"], found["flush_denormal_gain_gru"]["met"]) == (None, None)
    assert found["deck_loop_against_fused_rnn"]["met"] is None
    assert found["scan_against_loop"]["met"] is True


def test_what_a_machine_cannot_measure_is_told(monkeypatch):
    jobs, left_out = experiment.plan(Benchmark(**TINY), 0)
    keys = [json.dumps(one, sort_keys=True) for job in jobs for one in job.measurements if one[0] == "step"]
    assert len(jobs[0].measurements) == len({json.dumps(one) for one in jobs[0].measurements})
    assert [job.measurements[0][0] for job in jobs].count("memory") == len(systems.ways()) + 4
    monkeypatch.setattr(experiment, "cores", lambda: 1)
    monkeypatch.setattr(experiment, "has_bf16", lambda: False)
    fewer, told = experiment.plan(Benchmark(**TINY, device="cpu"), 0)
    assert sum(one[0] == "step" for job in fewer for one in job.measurements) < len(keys)
    assert [entry.partition(":")[0] for entry in told] == ["one thread against all", "bf16 on the CPU", "a GPU"]
    assert len(told) > len(left_out) or not torch.cuda.is_available()


def test_a_new_architecture_is_timed_by_what_it_says_of_itself(monkeypatch):
    class Mine(find(Architecture, "gru")):
        """A file that somebody adds."""

    monkeypatch.setattr(systems, "names", lambda contract: ["gru", "identity", "mine"])
    monkeypatch.setattr(systems, "find", lambda contract, name: Mine if name == "mine" else find(contract, name))
    assert systems.ways() == [(name, way) for name in ("gru", "mine") for way in ("fused", "cells")]
    assert systems.with_cells() == ["gru", "mine"]
    steps = [case for name, case in experiment.plan(Benchmark(**TINY), 0)[0][0].measurements if name == "step"]
    assert {case["implementation"] for case in steps if case["system"] == "mine"} == {"fused", "cells"}
    assert systems.build("mine", "cells", 4)(torch.randn(2, 3, 4)).shape == (2, 3, 4)


def test_the_rows_with_a_mark_have_more_time():
    settings = Benchmark(**{**TINY, "denormal_lengths": [256], "denormal_widths": [128], "denormal_batch": 64})
    job, *_ = experiment.plan(settings, 0)[0]
    seconds = {case["width"]: case["seconds"] for name, case in job.measurements if name == "step"}
    assert seconds == {8: 1e-6, 128: pytest.approx(1e-5)}


def test_a_killed_benchmark_goes_on_and_a_finished_one_measures_anew(project, monkeypatch):
    project(benchmark=TINY)
    asked, most = [], [20]

    @contextmanager
    def server():
        def answers(job):
            for one in job.measurements:
                if len(asked) == most[0]:
                    raise RuntimeError("killed")
                asked.append(one)
                yield one, {"number": len(asked)}

        yield answers

    monkeypatch.setattr(fresh_process, "server", server)
    with pytest.raises(RuntimeError, match="killed"):
        experiment.gather(Benchmark(**TINY), 0)
    most[0] = None
    found = experiment.gather(Benchmark(**TINY), 0).results
    every = sum(len(results) for results in found.values())
    assert len(asked) == every + 1  # the peak, again in the process that went on
    assert found["step"][0] == {"number": 2}
    experiment.gather(Benchmark(**TINY), 0)
    assert len(asked) == 2 * every + 1


def test_the_stage_measures_writes_logs_and_is_shown(project, capsys):
    project(benchmark=TINY, seed=3)
    benchmark.main()
    found = files.read_json(paths.findings("benchmark"))
    assert found["scale"] == "smoke"
    assert found["peak"]["fp32"] > 1e6
    lines = [r for r in found["rows"] if r["precision"] == "fp32" and r["flush_denormal"] and r["batch"] == 2]
    assert {(r["system"], r["implementation"], r["steps"]) for r in lines} == {
        (*way, steps) for way in systems.ways() for steps in (4, 8)
    }
    assert {"seconds", "tokens_per_second", "share_of_peak", "threads", "repeats"} <= set(found["rows"][0])
    assert {gain["system"] for gain in summaries.gains(found["rows"])} == {"rnn", "gru", "lstm"}
    assert [(r["system"], r["chunk"]) for r in found["long"]] == [
        ("gru", None),
        ("gru", 4),
        ("lstm", None),
        ("lstm", 4),
    ]
    assert found["checks"]["scan_against_loop"][0]["outputs"] < 1e-5
    assert all(check["gradient_difference"] < 1e-5 for check in found["checks"]["checkpointed_against_plain"])
    assert found["deck"]["largest_difference"] < 1e-6
    assert 0 <= found["share_of_others"] < 1
    assert paths.curves("benchmark").read_text().startswith("line,steps,milliseconds\nattention fused cpu ")
    assert "scan_against_loop" in capsys.readouterr().out
    assert not list(paths.WORK.glob("benchmark-*"))
    _logged_and_shown(found)


def _logged_and_shown(found):
    client = MlflowClient(store.uri())
    (run,) = client.search_runs([client.get_experiment_by_name(findings.EXPERIMENT).experiment_id])
    assert run.data.metrics["scan_against_loop"] == found["checks"]["scan_against_loop"][0]["outputs"]
    assert run.info.status == "FINISHED"
    section = sections.section("benchmark", [found])
    for told in (
        "min_gru scan",
        "deck",
        "chunks of 4",
        "flush denormal gain lstm",
        "Not measured here: ",
        "a GPU: ",
        "Other programs took",
    ):
        assert told in section
    assert section.count('class="plot"') == 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lengths": []}, "benchmark.lengths"),
        ({"lengths": [8, 4]}, "lengths: must be in ascending order, without repeats"),
        ({"side_lengths": [16]}, r"side_lengths: \[16\] are not among lengths"),
        ({"width": 6}, "width: must be a multiple of 4"),
        ({"chunk": 16}, "chunk: must be less than long_steps, 16"),
        ({"seconds": 0}, "benchmark.seconds"),
        ({"device": "tpu"}, "benchmark.device"),
    ],
)
def test_a_mistake_is_told(project, changes, told):
    project(benchmark={**TINY, **changes})
    with pytest.raises(InputError, match=told):
        benchmark.main()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_is_timed_by_the_same_code(precision):
    setting, case = Setting("cuda", 1, True, precision), {**CASE, "seconds": 0.1, "passes": 3}
    wanted = [("peak", {"side": 256})]
    wanted += [("step", {**case, "system": system, "implementation": way}) for system, way in systems.ways()]
    with fresh_process.server() as answers:
        found = [result for _, result in answers(Job(setting, 0, wanted))]
        _, memory = next(answers(Job(setting, 0, [("memory", MEMORY)])))
    assert all(one["device"] == "cuda" for one in found)
    assert all(0 < one["share_of_peak"] < 1 for one in found[1:])
    assert memory["peak_bytes"] > 64 * 256 * 32 * 4
