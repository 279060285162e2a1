"""What distinguishes machines whose times are measured: read within milliseconds, without importing torch."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any, NotRequired, TypedDict

PROCESSORS = Path("/proc/cpuinfo")
GPUS = Path("/proc/driver/nvidia/gpus")


class Machine(TypedDict):
    """What tells machines apart; of one that measured, also what it has."""

    processor: str
    cores: int  # that a process may use
    gpus: NotRequired[list[str]]  # models; older reports do not say
    torch: str  # version
    memory_bytes: NotRequired[int]
    os: NotRequired[str]
    python: NotRequired[str]  # version
    numpy: NotRequired[str]  # version
    bf16_instructions: NotRequired[bool]
    device: NotRequired[str]  # cpu, or the CUDA device's name
    device_memory_bytes: NotRequired[int]


def identity() -> Machine:
    """Processor, cores, GPUs and torch: equal on machines whose times can be compared."""
    return {"processor": processor(), "cores": cores(), "gpus": gpus(), "torch": version("torch")}


def processor() -> str:
    """The manufacturer's name of the processor, if the system knows it."""
    return next(_values(PROCESSORS, "model name"), platform.processor() or platform.machine())


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """Models of the NVIDIA GPUs that the driver lists."""
    return [model for file in sorted(GPUS.glob("*/information")) for model in _values(file, "Model")]


def differs(measured_on: Machine, here: Machine) -> bool:
    """Whether a result is from another machine; what an older result does not state is not compared."""
    before = dict[str, object](measured_on)
    return any(key in before and before[key] != value for key, value in here.items())


def named(machine: Machine) -> str:
    """A machine in a few words."""
    device = machine.get("device", "cpu")
    memory = [f"{machine['memory_bytes'] / 2**30:.0f} GiB"] if "memory_bytes" in machine else []
    cores = f"{machine['cores']} core{'' if machine['cores'] == 1 else 's'}"
    host = ", ".join([machine["processor"], cores, *memory, f"torch {machine['torch']}"])
    beside = [device] if device != "cpu" else machine.get("gpus", [])
    return f"{', '.join(beside)} beside {host}" if beside else host


def _values(file: Path, field: str) -> Any:
    """The values of lines like `field : value`."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == field)
