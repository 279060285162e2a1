"""Everything that the benchmark measures: which settings and sizes, each setting in a new process.

Each result is stored in .work, so that a killed benchmark resumes; after one that is complete, the next measures again.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

import pipeline
from pipeline.challenges.shared.hardware import LoadMonitor, has_bf16, machine
from pipeline.challenges.speed import fresh_process
from pipeline.challenges.speed.fresh_process import Measurement, Result
from pipeline.challenges.speed.settings import Benchmark
from pipeline.challenges.speed.summaries import MARK
from pipeline.challenges.speed.systems import ways, with_cells
from pipeline.challenges.speed.timing import Job, Setting
from pipeline.common import files, paths
from pipeline.training.result_cache import ResultCache
from pipeline.training.setup import cores

MAPPED = [("min_gru", "scan"), ("min_gru", "loop"), ("gru", "fused"), ("lstm", "fused")]
CHECKPOINTED = ("gru", "lstm")
AGREE_STEPS = 4096
LONGER = 10  # factor of the time for rows with a target


class Gathered(NamedTuple):
    """All that was measured."""

    results: dict[str, list[Result]]
    """By kind of measurement: `step`, `peak`, `memory`, ..."""
    left_out: list[str]
    """What this machine cannot measure, with the reason."""
    others: float
    """Share of all cores' time that other programs took meanwhile."""


def gather(settings: Benchmark, seed: int) -> Gathered:
    rooms = ("architectures", "challenges/deck", "challenges/shared", "challenges/speed")
    code = files.digest(*(Path(pipeline.__file__).parent / room for room in rooms))
    key = files.text_digest(json.dumps([settings.model_dump(), seed, machine(), code], sort_keys=True))
    cache = ResultCache(paths.WORK / f"benchmark-{key[:12]}.jsonl")
    jobs, left_out = plan(settings, seed)
    monitor = LoadMonitor()
    _run(jobs, cache)
    results: dict[str, list[Result]] = {}
    for job in jobs:
        for name, arguments in job.measurements:
            results.setdefault(name, []).append(cache.done[_key(job, (name, arguments))])
    files.remove(cache.path)  # the next start measures again
    return Gathered(results, left_out, monitor.others())


def plan(settings: Benchmark, seed: int) -> tuple[list[Job], list[str]]:
    """The processes, in order, and what this machine cannot measure."""
    cpu = Setting("cpu", cores(), True, "fp32")
    lines = _lines(settings, settings.lengths)
    side_lines = _lines(settings, settings.side_lengths)
    map_rows = _map(settings)
    denormal = _denormal(settings)
    checks: list[Measurement] = [("agreement", {"steps": AGREE_STEPS, "batch": 1, "width": settings.width})]
    time = {"seconds": settings.seconds, "passes": settings.passes}
    checks += [("chunks", {"system": system, **_checkpointed_case(settings)}) for system in CHECKPOINTED]
    checks += [("deck", {"batch": 64, "lengths": settings.lengths, **time})]
    subnormal_size = {"steps": MARK["steps"], "batch": 4, "width": MARK["width"]}
    subnormal: Measurement = ("subnormals", {"names": with_cells(), **subnormal_size})
    by_setting = {
        cpu: [*lines, *map_rows, *denormal, *checks],
        _changed(cpu, flush_denormal=False): [*denormal, subnormal],
    }
    left_out = []
    if cores() > 1:
        by_setting[_changed(cpu, threads=1)] = side_lines
    else:
        left_out.append("one thread against all: there is only one core")
    if has_bf16():
        by_setting[_changed(cpu, precision="bf16")] = side_lines
    else:
        left_out.append("bf16 on the CPU: it lacks the instructions")
    devices = [cpu]
    if settings.device == "auto" and torch.cuda.is_available():
        devices.append(_changed(cpu, device="cuda"))
        by_setting[devices[1]] = [*lines, *map_rows, checks[0]]
        by_setting[_changed(devices[1], precision="bf16")] = lines
    else:
        left_out.append("a GPU: " + ("there is no CUDA device" if settings.device == "auto" else "device is cpu"))
    peak: Measurement = ("peak", {"side": settings.matrix})
    jobs = [Job(setting, seed, [peak, *_in_order(measurements)]) for setting, measurements in by_setting.items()]
    jobs += [Job(device, seed, [measurement]) for device in devices for measurement in _memory(settings)]
    return jobs, left_out


def _lines(settings: Benchmark, lengths: list[int]) -> list[Measurement]:
    return [_step(settings, way, steps, settings.batch, settings.width) for way in ways() for steps in lengths]


def _map(settings: Benchmark) -> list[Measurement]:
    sizes = [(steps, batch) for steps in settings.lengths for batch in settings.batches]
    return [_step(settings, way, steps, batch, settings.width) for way in MAPPED for steps, batch in sizes]


def _denormal(settings: Benchmark) -> list[Measurement]:
    fused_ways = [(name, "fused") for name in with_cells()]
    sizes = [(steps, width) for steps in settings.denormal_lengths for width in settings.denormal_widths]
    return [_step(settings, way, steps, settings.denormal_batch, width) for way in fused_ways for steps, width in sizes]


def _step(settings: Benchmark, way: tuple[str, str], steps: int, batch: int, width: int) -> Measurement:
    size = {"steps": steps, "batch": batch, "width": width}
    seconds = settings.seconds * (LONGER if size == MARK else 1)
    case = {"system": way[0], "implementation": way[1], **size}
    return "step", {**case, "seconds": seconds, "passes": settings.passes}


def _memory(settings: Benchmark) -> list[Measurement]:
    """Each implementation's memory per token; then long sequences, plain and in chunks."""
    size = {"steps": settings.memory_steps, "batch": settings.denormal_batch, "width": settings.width}
    cases: list[dict[str, Any]] = [
        {"system": way[0], "implementation": way[1], **size, "is_long": False} for way in ways()
    ]
    size = {"steps": settings.long_steps, "batch": settings.long_batch, "width": settings.width}
    for system in CHECKPOINTED:
        case = {"system": system, "implementation": "fused", **size, "is_long": True}
        cases += [{**case, "chunk": chunk} for chunk in (None, settings.chunk)]
    return [("memory", case) for case in cases]


def _checkpointed_case(settings: Benchmark) -> dict[str, int]:
    return {"steps": settings.long_steps, "width": settings.width, "chunk": settings.chunk}


def _changed(setting: Setting, **changes: Any) -> Setting:
    return Setting(**{**asdict(setting), **changes})


def _in_order(measurements: list[Measurement]) -> list[Measurement]:
    """Each measurement once, the small ones first, which warm up for the large; checks last."""

    def size(measurement: Measurement) -> tuple[bool, int]:
        name, case = measurement
        return name != "step", case["steps"] * case["batch"] * case["width"] if name == "step" else 0

    return sorted({json.dumps(measurement): measurement for measurement in measurements}.values(), key=size)


def _run(jobs: list[Job], cache: ResultCache) -> None:
    """Run the measurements without a stored result, one process after another: nothing else of ours computes
    meanwhile.
    """
    pending = [
        (job, [measurement for measurement in job.measurements if _key(job, measurement) not in cache.done])
        for job in jobs
    ]
    pending = [(job, measurements) for job, measurements in pending if measurements]
    tqdm.monitor_interval = 0  # no thread that wakes during timing
    cache.path.parent.mkdir(parents=True, exist_ok=True)
    with (
        fresh_process.server() as answers,
        tqdm(
            total=sum(len(measurements) for _, measurements in pending), unit="time", desc="benchmark", disable=None
        ) as bar,
        cache.path.open("a", encoding="utf-8") as file,
    ):
        for job, measurements in pending:
            peak = (
                [] if measurements[0][0] in ("peak", "memory") else job.measurements[:1]
            )  # the peak, in the same process
            for measurement, result in answers(Job(job.setting, job.seed, [*peak, *measurements])):
                cache.done[_key(job, measurement)] = result
                file.write(json.dumps([_key(job, measurement), result], allow_nan=False) + "\n")
                file.flush()
                bar.update()


def _key(job: Job, measurement: Measurement) -> str:
    return json.dumps([asdict(job.setting), measurement], sort_keys=True)
