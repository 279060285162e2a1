"""Time training steps in a new process for each setting: `python -m pipeline.challenges.speed.timing` serves jobs.

Flush-denormal is a setting of each thread, which a pool's threads inherit from the one that starts them, and memory
taken earlier would hide a later peak. So this program reads jobs (`Job`, a line of JSON each) and runs each in a fork
of itself, which has imported torch but never computed (with a GPU, whose state a fork would break, in a new process);
the fork prints a line of JSON for each measurement.
"""

import gc
import importlib
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Unpack

import torch
from torch import nn

from pipeline.architectures import count
from pipeline.challenges.shared import hardware
from pipeline.challenges.shared.speed_records import (
    Agreement,
    Checkpointed,
    Deck,
    Memory,
    Peak,
    Size,
    Step,
    Subnormals,
    Under,
    Way,
)
from pipeline.challenges.speed import controls, long_sequences, systems
from pipeline.challenges.speed.controls import flushes
from pipeline.training.setup import configure_threads
from pipeline.training.worker_processes import start_method

WARM_UP = 8  # steps of a short sequence that loads code and starts threads, before memory is measured
MIN_PASSES = 3  # for a median


@dataclass(frozen=True)
class Setting:
    """The settings of a process."""

    device: str
    threads: int
    flush_denormal: bool
    precision: str


@dataclass(frozen=True)
class Job:
    """A setting and its measurements, in order: names of `Process`'s methods with their arguments."""

    setting: Setting
    seed: int
    measurements: list[tuple[str, dict[str, Any]]]


class Case(Size, Way):
    """A core, and what it reads."""


class Process:
    """A process with one setting: its methods measure."""

    def __init__(self, setting: Setting, seed: int):
        self.setting = setting
        self.seed = seed
        self.limit: float | None = None  # the fastest matrix product, once `peak` was measured
        configure_threads(setting.threads)
        torch.set_flush_denormal(setting.flush_denormal)  # the pool, which inherits it, has not started yet
        torch.set_float32_matmul_precision("highest")  # true fp32: no TF32 on a GPU
        torch.backends.cudnn.allow_tf32 = False
        gc.freeze()  # what was imported is never garbage
        gc.disable()  # measurements leave no garbage that would have to be collected during a pass

    def peak(self, side: int) -> Peak:
        self.limit = hardware.peak(self.setting.device, self.setting.precision, side)
        return {**self._setting_record(), "flush_denormal": flushes(), "operations_per_second": self.limit}

    def step(self, seconds: float, passes: int, **case: Unpack[Case]) -> Step:
        """A row: the median over passes of forward and backward."""
        core, x = self._make(**case)
        seconds_of_passes = clock(
            systems.training_step(core, x, self.setting.precision), self.setting.device, seconds, passes
        )
        median = statistics.median(seconds_of_passes)
        operations = systems.operations(case["system"], core, case["steps"], case["batch"], case["width"])
        return {
            **self._setting_record(),
            **case,
            "flush_denormal": flushes(),
            "parameters": count(core),
            "seconds": median,
            "fastest_seconds": min(seconds_of_passes),
            "slowest_seconds": max(seconds_of_passes),
            "repeats": len(seconds_of_passes),
            "tokens_per_second": case["steps"] * case["batch"] / median,
            "operations": operations,
            "share_of_peak": operations / median / self.limit if self.limit else None,
        }

    def memory(self, is_long: bool, chunk: int | None = None, **case: Unpack[Case]) -> Memory:
        """Peak memory of one forward and backward pass beyond what was used before; `chunk` checkpoints."""
        core, x = self._make(**case)
        core = core if chunk is None else long_sequences.Checkpointed(core.get_submodule("cell"), chunk)  # type: ignore[arg-type]
        device = self.setting.device
        precision = self.setting.precision
        systems.training_step(core, x[:1, :WARM_UP].detach().clone(), precision)()
        bytes_before = self._allocated()
        (seconds,) = clock(systems.training_step(core, x, precision), device, 0.0, 1)
        most_bytes = torch.cuda.max_memory_allocated() if device == "cuda" else hardware.most_resident()
        peak = (
            None if most_bytes is None or most_bytes <= bytes_before else most_bytes - bytes_before
        )  # less than starting took: not measurable
        return {
            **self._setting_record(),
            **case,
            "is_long": is_long,
            "chunk": chunk,
            "peak_bytes": peak,
            "bytes_per_token": None if peak is None else peak / (case["steps"] * case["batch"]),
            "seconds": seconds,
        }

    def agreement(self, steps: int, batch: int, width: int) -> Agreement:
        return {**controls.scan_and_loop(self._make("min_gru", "scan", steps, batch, width)), "steps": steps}

    def chunks(self, system: str, steps: int, width: int, chunk: int) -> Checkpointed:
        """The difference of a checkpointed core's gradient from the plain one's."""
        core, x = self._make(system, "fused", steps, 1, width)
        difference = long_sequences.difference(core, long_sequences.Checkpointed(core.get_submodule("cell"), chunk), x)  # type: ignore[arg-type]
        return {"system": system, "steps": steps, "chunk": chunk, "gradient_difference": difference}

    def subnormals(self, names: list[str], steps: int, batch: int, width: int) -> Subnormals:
        """Share of subnormal numbers in the gradient of the input; the loss uses the last output."""
        gradients = {}
        for system in names:
            core, x = self._make(system, "fused", steps, batch, width)
            systems.training_step(core, x, "fp32")()
            assert x.grad is not None
            gradients[system] = x.grad
        measures = controls.subnormals(lambda work: min(clock(work, "cpu", 0.05, 100)), gradients)
        return {**measures, "flush_denormal": flushes(), "steps": steps, "width": width}

    def deck(self, batch: int, seconds: float, passes: int, lengths: list[int]) -> Deck:
        return controls.deck(lambda work: statistics.median(clock(work, "cpu", seconds, passes)), batch, lengths)

    def _setting_record(self) -> Under:
        return {
            "device": self.setting.device,
            "threads": self.setting.threads,
            "flush_denormal": self.setting.flush_denormal,
            "precision": self.setting.precision,
        }

    def _make(
        self, system: str, implementation: str, steps: int, batch: int, width: int
    ) -> tuple[nn.Module, torch.Tensor]:
        gc.collect()
        torch.manual_seed(self.seed)
        core = systems.build(system, implementation, width).to(self.setting.device)
        return core, torch.randn(batch, steps, width, device=self.setting.device)

    def _allocated(self) -> int:
        if self.setting.device != "cuda":
            return hardware.resident()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()


def clock(work: Callable[[], None], device: str, seconds: float, passes: int) -> list[float]:
    """Seconds of each pass; the first is a warm-up and counts only if it took all the time.

    It determines how many others fit, but at least three, so that a disturbance of one does not move the median.
    """

    def once() -> float:
        hardware.wait(device)
        begun = time.perf_counter()
        work()
        hardware.wait(device)
        return time.perf_counter() - begun

    first = once()
    if first >= seconds:
        return [first]
    return [once() for _ in range(min(passes, max(MIN_PASSES, int(seconds / first))))]


def answer(job: dict[str, Any]) -> None:
    process = Process(Setting(**job["setting"]), job["seed"])
    for name, arguments in job["measurements"]:
        print(json.dumps(getattr(process, name)(**arguments)), flush=True)


def main() -> None:
    importlib.import_module("torch._dynamo")  # torch's checkpoint would import it again in each fork
    context = multiprocessing.get_context(start_method())
    for line in sys.stdin:
        process = context.Process(target=answer, args=(json.loads(line),))  # type: ignore[attr-defined]
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(f"error: measuring exited with code {process.exitcode}")


if __name__ == "__main__":
    main()
