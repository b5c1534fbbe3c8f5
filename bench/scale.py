"""What so many sessions at once take: machines, memory, bandwidth, money; by arithmetic alone.

    python bench/scale.py 10 1000 100000
    python bench/scale.py 500 --around-cores 0.2 --machine-usd 0.41 --machine-cores 8

What it reckons with was measured, or is a price, or is chosen; docs/scale.md says which is which.
Each can be replaced by what was measured or is paid elsewhere. Prints the tables of docs/scale.md.
"""

import argparse
import math
from dataclasses import dataclass, field, fields
from typing import Any

PAGE_BITS_S = 1_500_000  # static/link.js lets a camera send no more
PICTURE_BYTES = 640 * 480 * 3 // 2  # as it is decoded: 8 bits, 4:2:0
FPS = 25
HOP_FRAMES = 8
ROWS_AT_ONCE = 16  # of what is stored
HOURS_A_MONTH = 730


def figure(default: float, says: str) -> Any:
    return field(default=default, metadata={"says": says})


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a session takes, and what machines have and cost."""

    network_cores: float = figure(0.59, "cores for stem and tail of a session")
    around_cores: float = figure(0.27, "cores for all else of a session, landmarks most of it")
    decode_cores: float = figure(0.020, "of these, decoding in the server's process")
    loop_cores: float = figure(0.026, "of these, the server's event loop")
    process_mb: float = figure(1530, "memory of server and worker with one session")
    session_mb: float = figure(109, "memory of each further session")
    up_kbit_s: float = figure(827, "what a page sends")
    down_kbit_s: float = figure(40, "what it is sent")
    gflop: float = figure(64, "of a hop, stem and tail, before anything is reused")
    free: float = figure(0.25, "share that is kept free, as admission does")
    loop_share: float = figure(0.5, "share of a core that a node's event loop may take")
    spare: float = figure(0.1, "machines more, for upgrades and failures; at least one")
    machine_cores: float = figure(16, "of a machine for nodes that compute themselves")
    machine_usd: float = figure(0.82112, "its price for an hour")
    gpu_tflops: float = figure(20, "that a GPU sustains on this network; never measured")
    gpu_cores: float = figure(32, "of a machine with one GPU")
    gpu_usd: float = figure(2.0144, "its price for an hour")
    front_cores: float = figure(2, "of a machine for nodes whose network is on Ray")
    front_usd: float = figure(0.10264, "its price for an hour")
    egress_usd: float = figure(0.09, "for a GB that leaves the cloud")
    zone_usd: float = figure(0.02, "for a GB from one zone to another, both ends")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sessions", type=int, nargs="*", default=[10, 1000, 100_000])
    for each in fields(Figures):
        option = f"--{each.name.replace('_', '-')}"
        says = f"{each.metadata['says']} ({each.default})"
        parser.add_argument(option, type=float, default=each.default, help=says)
    args = parser.parse_args()
    figures = Figures(**{each.name: getattr(args, each.name) for each in fields(Figures)})
    print(per_session(figures), machines(figures), totals(figures, args.sessions), sep="\n\n")
    return 0


# One session


def raw_mbit_s() -> float:
    """Decoded pictures of a session on their way to a worker elsewhere."""
    return PICTURE_BYTES * FPS * 8e-6


def per_session(its: Figures) -> str:
    hop_s = HOP_FRAMES / FPS
    down_gb = its.down_kbit_s * 3600 / 8e6
    raw_gb = raw_mbit_s() * 3600 / 8e3
    cores = its.network_cores + its.around_cores
    rows = [
        ("processor, the network here", f"{cores:.2f} cores"),
        ("processor, the network on a GPU", f"{its.around_cores:.2f} cores"),
        ("arithmetic for the network", f"{its.gflop / hop_s:.0f} GFLOP/s"),
        ("from the page", f"{its.up_kbit_s:.0f} kbit/s, at most {PAGE_BITS_S / 1e3:.0f}"),
        ("to the page", f"{its.down_kbit_s:.0f} kbit/s"),
        ("that leaves the cloud, in an hour", f"{down_gb:.3f} GB, ${down_gb * its.egress_usd:.4f}"),
        ("pictures to a worker elsewhere", f"{raw_mbit_s():.0f} Mbit/s"),
        ("these in an hour", f"{raw_gb:.1f} GB, ${raw_gb * its.zone_usd:.2f} to another zone"),
        ("transactions of the database", f"{1 / hop_s / ROWS_AT_ONCE:.2f} a second"),
    ]
    return table(["of one session", "computed"], rows)


# One machine


def by_loop(its: Figures) -> int:
    """Sessions of one event loop, which is one node."""
    return math.floor(its.loop_share / its.loop_cores)


def of_machine(its: Figures) -> int:
    """Sessions of a node that computes itself."""
    cores = its.network_cores + its.around_cores
    return min(by_loop(its), math.floor(its.machine_cores * (1 - its.free) / cores))


def of_front(its: Figures) -> int:
    """Sessions of a node that receives and decodes alone."""
    cores = its.decode_cores + its.loop_cores
    return min(by_loop(its), math.floor(its.front_cores * (1 - its.free) / cores))


def of_gpu(its: Figures) -> int:
    """Sessions of a machine with a GPU, by the GPU or by the landmarks on its processors."""
    by_gpu = its.gpu_tflops * 1e3 * (1 - its.free) / (its.gflop / (HOP_FRAMES / FPS))
    beside = its.around_cores - its.decode_cores - its.loop_cores
    return math.floor(min(by_gpu, its.gpu_cores * (1 - its.free) / beside))


def machines(its: Figures) -> str:
    rows = [
        (name, f"{cores:.0f}", str(count), f"${usd:.4f}", f"${usd / count:.4f}")
        for name, cores, count, usd in (
            ("a node that computes itself", its.machine_cores, of_machine(its), its.machine_usd),
            ("a node in front of Ray", its.front_cores, of_front(its), its.front_usd),
            ("a worker of Ray with a GPU", its.gpu_cores, of_gpu(its), its.gpu_usd),
        )
    ]
    return table(["a machine", "cores", "sessions", "an hour", "a session's hour, full"], rows)


# All


def count(its: Figures, sessions: int, each: int) -> int:
    """Machines for so many sessions, and those to spare."""
    needed = math.ceil(sessions / each)
    return needed + max(1, math.ceil(needed * its.spare))


def totals(its: Figures, amounts: list[int]) -> str:
    columns = [column(its, sessions) for sessions in amounts]
    names = [name for name, _ in columns[0]]
    rows = [(name, *(dict(each)[name] for each in columns)) for name in names]
    return table(["sessions at once", *(f"{amount:,}" for amount in amounts)], rows)


def column(its: Figures, sessions: int) -> list[tuple[str, str]]:
    nodes = count(its, sessions, of_machine(its))
    fronts, gpus = count(its, sessions, of_front(its)), count(its, sessions, of_gpu(its))
    own_usd = nodes * its.machine_usd
    gpu_usd = fronts * its.front_usd + gpus * its.gpu_usd
    memory_gb = (nodes * (its.process_mb - its.session_mb) + sessions * its.session_mb) / 1e3
    return [
        ("from pages", rate(sessions * its.up_kbit_s)),
        ("to pages", rate(sessions * its.down_kbit_s)),
        ("**on processors**: nodes", f"{nodes:,}"),
        ("memory of all", f"{memory_gb:,.0f} GB"),
        ("an hour", money(own_usd)),
        ("a month, day and night", money(own_usd * HOURS_A_MONTH)),
        ("**with GPUs**: nodes", f"{fronts:,}"),
        ("machines with a GPU", f"{gpus:,}"),
        ("pictures between them", rate(sessions * raw_mbit_s() * 1e3)),
        ("an hour (GPUs)", money(gpu_usd)),
        ("a month (GPUs)", money(gpu_usd * HOURS_A_MONTH)),
        ("transactions a second", f"{sessions * FPS / HOP_FRAMES / ROWS_AT_ONCE:,.0f}"),
    ]


def rate(kbit_s: float) -> str:
    for unit, size in (("Tbit/s", 1e9), ("Gbit/s", 1e6), ("Mbit/s", 1e3)):
        if kbit_s >= size:
            return f"{kbit_s / size:.1f} {unit}"
    return f"{kbit_s:.0f} kbit/s"


def money(usd: float) -> str:
    return f"${usd:,.2f}" if usd < 100 else f"${usd:,.0f}"


def table(head: list[str], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
