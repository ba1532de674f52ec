"""Where and how the network computes: device, precision, memory format and threads, decided and checked here alone."""

import os
from math import ceil
from pathlib import Path
from typing import Literal

import torch

from restyle.domain import NumericPath
from restyle.errors import PlanMismatch

# Channels last is the layout of decoded frames and of the fastest convolutions, on every device.
MEMORY_FORMAT = torch.channels_last
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# One frame fills a processor's cores; a GPU wants several.
MINI_BATCH = {"cpu": 1, "cuda": 8}
CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processors that a container may use, in so many of the clock (Linux, cgroup v2)."""


def device_count() -> int:
    """CUDA devices this process may use, 0 without."""
    return torch.cuda.device_count()


def cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself (AMX or AVX512_BF16); emulated, it is slower than float32.

    On AVX512_BF16 (one thread, 640x360) a frame took 0.48 s in bfloat16 and 1.08 s in float32.
    """
    return cpu_has_matrix_units() or bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def cpu_has_matrix_units() -> bool:
    """Whether the processor multiplies whole tiles of bfloat16 (AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def choose_numeric_path(threads: int | None = None) -> NumericPath:
    """The fastest faithful way to paint on this machine.

    threads: of torch in each worker process; without it, this process's share of the machine.
    """
    device: Literal["cpu", "cuda"] = "cuda" if device_count() else "cpu"
    on_gpu = device == "cuda"
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False) if on_gpu else cpu_has_bfloat16()
    return NumericPath(
        device=device,
        precision="bfloat16" if has_bfloat16 else "float32",
        blocks=not on_gpu and not cpu_has_matrix_units(),  # matrix units and GPUs were not tried
        threads=threads or thread_share(),
        mini_batch=MINI_BATCH[device],
    )


def thread_share() -> int:
    """Threads for this process: what OMP_NUM_THREADS says, as torch itself reads it, else one per processor.

    Where there are GPUs, a process has one of them, and its share of the processors.
    """
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else max(1, core_count() // max(1, device_count()))


def core_count() -> int:
    """Processors this process may use: those it may run on, and no more than its container is given."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        given_us, period_us = map(int, CPU_MAX.read_text().split())
    except (OSError, ValueError):  # no container, or one without a bound ("max")
        return cores
    return min(cores, ceil(given_us / period_us))


def require_path(path: NumericPath) -> None:
    """Raises PlanMismatch where this machine cannot compute as ``path`` says, bit for bit."""
    if path.device == "cuda" and not device_count():
        raise PlanMismatch("the job was begun on a GPU and this machine has none; resume it where there is one")
    if path.device == "cpu" and path.precision == "bfloat16" and not cpu_has_bfloat16():
        raise PlanMismatch(
            "the job was begun in bfloat16 and this processor has no bfloat16 units; resume it on one that has"
        )
    if path.device == "cpu" and path.precision == "float16":
        raise PlanMismatch("the job's plan says float16 on a CPU, which is not offered; start the job again")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed for want of memory, on a GPU or, where the system says so, on the processor.

    oneDNN, which has no room for its scratchpad, says no more than that it could not make or run a primitive.
    """
    wants = ("DefaultCPUAllocator", "could not create a primitive", "could not execute a primitive")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(want in str(error) for want in wants)
