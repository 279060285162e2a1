"""A machine's description and limits, with which measured times are compared."""

import platform
import resource
import time
from pathlib import Path

import numpy as np
import psutil
import torch

from pipeline.common.machine import Machine, identity

PRODUCTS = 6  # the fastest counts, since a limit is not a mean


def machine() -> Machine:
    """Processor, memory and versions, and the CUDA device if there is one."""
    description: Machine = {
        **identity(),
        "memory_bytes": psutil.virtual_memory().total,
        "os": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "bf16_instructions": has_bf16(),
        "device": "cpu",
    }
    if torch.cuda.is_available():
        description["device"] = torch.cuda.get_device_name()
        description["device_memory_bytes"] = torch.cuda.get_device_properties(0).total_memory
    return description


def has_bf16() -> bool:
    """Whether the CPU has instructions for bf16; without them bf16 is slower than fp32, and not measured."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def peak(device: str, precision: str, side: int) -> float:
    """Floating-point operations per second of the fastest of several products of square matrices."""
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
    product = torch.mm(a, b)
    seconds = []
    for _ in range(PRODUCTS):
        wait(device)
        start = time.perf_counter()
        torch.mm(a, b, out=product)
        wait(device)
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds)


class LoadMonitor:
    """The load of other processes: times that are measured while others compute do not characterize the machine."""

    def __init__(self) -> None:
        self.start = self._now()

    def others(self) -> float:
        """Share of all cores' time since the beginning taken by other processes or virtual machines."""
        elapsed, all_seconds, own_seconds = (now - before for now, before in zip(self._now(), self.start, strict=True))
        return max(0.0, all_seconds - own_seconds) / (elapsed * (psutil.cpu_count() or 1))

    def _now(self) -> tuple[float, float, float]:
        """Seconds: of the clock; of computing by all processes; by this process and its children that have exited."""
        cpu = psutil.cpu_times()
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        all_seconds = cpu.user + getattr(cpu, "nice", 0.0) + cpu.system + getattr(cpu, "steal", 0.0)
        return time.perf_counter(), all_seconds, sum(usage.ru_utime + usage.ru_stime for usage in usages)


def wait(device: str) -> None:
    """Wait until a GPU has finished its work, before the clock is read."""
    if device == "cuda":
        torch.cuda.synchronize()


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(psutil.Process().memory_info().rss)


def most_resident() -> int | None:
    """The most bytes of memory that this process has had, if the system reports it (Linux)."""
    status_file = Path("/proc/self/status")
    lines = status_file.read_text(encoding="utf-8").splitlines() if status_file.exists() else []
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM")), None)
