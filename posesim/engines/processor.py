"""What this machine's processor can do."""

from __future__ import annotations

import functools
import os
import platform
from dataclasses import dataclass
from pathlib import Path

INTERESTING = (
    "avx2",
    "avx512f",
    "avx512_bf16",
    "avx512_vnni",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
)


@dataclass(frozen=True)
class Processor:
    """The processor.

    Attributes:
        name: As its maker calls it.
        cores: Those that this process may use.
        flags: Those of `INTERESTING` that it has; empty where the system does not say.
    """

    name: str
    cores: int
    flags: tuple[str, ...]

    @property
    def has_matrix_units(self) -> bool:
        """Whether it multiplies matrices of bfloat16 in units of their own (AMX)."""
        return "amx_bf16" in self.flags


@functools.cache
def processor() -> Processor:
    """Ask the system."""
    lines: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            key, _, value = line.partition(":")
            lines.setdefault(key.strip(), value.strip())
    except OSError:  # not Linux
        pass
    known = set(lines.get("flags", lines.get("Features", "")).split())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Processor(
        name=lines.get("model name") or platform.processor() or platform.machine(),
        cores=cores or 1,
        flags=tuple(flag for flag in INTERESTING if flag in known),
    )
