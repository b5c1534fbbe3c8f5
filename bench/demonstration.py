"""How well a live demonstration serves as the reference: real clips as demonstrators and users.

    python bench/demonstration.py ../shared/clips --keep bench/out/streams
    python bench/demonstration.py ../shared/clips --keep bench/out/streams --people 4 --others 24

Several people each show an exercise, and everybody else's clip follows them, of the same exercise
and of others: each is what a camera sent for 16 s, a shorter clip being played there and back. The
user's camera starts a second after the demonstrator's, whose windows are as few as a `Demonstrator`
makes. The two were filmed apart, so none is in step with another, and a live score asks for that:
so users are also judged without a common clock, where nothing is known of lag; and with the
demonstrator's 16 s as a recorded reference that is known from the beginning on. The calibration is
the one that is shipped: people whose clips `bench/calibrate.py` made it of are not left out.

Printed are all pairs; then means, the AUC of same against other, where "other" means another person
and pairs of one person in one room stand for themselves; when things were known; and how well a
planted lag is found: the demonstrator's own stream, late. Embedding takes most of the time and is
kept, so that a run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from followers import Pair, Result, as_shown, follow, judged, lag_s
from footage import FPS, Clip, Footage, read_manifest, related, there_and_back
from streams import Streams, load
from tqdm import tqdm

from posesim.cli import weights_path
from posesim.network import Network

SHOWN_S = 16.0  # of each clip; a shorter one is played there and back
LAGS_S = (0.0, 0.5, 1.0, 2.0, 3.0)
WAYS = {"live": "score", "without a clock": "unclocked", "recorded": "recorded"}  # of a `Result`


def chosen(clips: Sequence[Clip], people: int, others: int) -> tuple[list[Clip], list[Clip]]:
    """Of each exercise that several people do, a clip each of some; and of exercises of one."""
    by_exercise: dict[str, dict[str, Clip]] = {}
    for clip in sorted(clips, key=lambda clip: clip.name):
        by_exercise.setdefault(clip.exercise, {}).setdefault(clip.person, clip)
    groups = [list(each.values()) for each in by_exercise.values()]
    several = [clip for group in groups if len(group) > 1 for clip in group[:people]]
    return several, [clip for group in groups if len(group) == 1 for clip in group][:others]


def shown(clip: Clip) -> Footage:
    """What a camera sees of somebody who shows an exercise for a while."""
    pictures = clip.on_grid()
    return there_and_back(pictures, 0.0, (len(pictures) - 1) / FPS, SHOWN_S)


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """The share of pairs in the right order; half for equal ones."""
    a, b = np.array(high)[:, None], np.array(low)[None]
    return float(((a > b) + 0.5 * (a == b)).mean())


def main() -> None:
    """Measure; print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="keep what the network sees here")
    parser.add_argument("--people", type=int, default=2, help="who show one exercise, at most")
    parser.add_argument("--others", type=int, default=0, help="users whose exercise nobody shows")
    parser.add_argument("--json", type=Path, help="write the pairs there, too")
    args = parser.parse_args()
    network = Network.open(weights_path())
    kept = Streams(network, args.keep)
    several, others = chosen(read_manifest(args.folder), args.people, args.others)
    files = {
        clip.name: kept.keep(f"{clip.name}.shown", shown(clip))
        for clip in tqdm([*several, *others], desc="clips", unit="clip")
    }
    pairs = [
        Pair(a, b, files[a.name], files[b.name], network.settings, network.calibration)
        for a in several
        for b in [*several, *others]
        if (a.person != b.person if a.exercise == b.exercise else not related(a, b))
    ]
    results = judged(pairs)
    if args.json:
        args.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    print_pairs(results)
    print_summary(results)
    print_times(results)
    print_lags([files[clip.name] for clip in several], network)


def print_pairs(results: Sequence[Result]) -> None:
    """A table of all pairs, a user a line: the score, or the state where there was none."""
    shown_by = list(dict.fromkeys(each.demonstrator for each in results))
    by_pair = {(each.demonstrator, each.user): each for each in results}
    print("| user \\ demonstrator |", " | ".join(shown_by), "|")
    print("|---|" + "---|" * len(shown_by))
    for user in dict.fromkeys(each.user for each in results):
        cells = []
        for name in shown_by:
            each = by_pair.get((name, user))
            text = "" if each is None else f"{each.score:.0f}"
            if each is not None and each.state != "scoring":
                text = each.state
            cells.append(f"**{text}**" if each is not None and each.same else text)
        print(f"| {user} |", " | ".join(cells), "|")


def print_summary(results: Sequence[Result]) -> None:
    """Means and AUC of the three ways, by exercise and over all."""
    print("\n| demonstrations |", " | ".join(f"{way}: same | other | AUC" for way in WAYS), "| n |")
    print("|---|" + "---|" * (3 * len(WAYS) + 1))
    groups: dict[str, list[Result]] = {}
    for each in results:
        groups.setdefault(each.exercise, []).append(each)
    aucs = []
    for name, some in [*groups.items(), ("all", results)]:
        low = [r for r in some if not r.same and not r.room]
        aucs.append(_print_line(name, [r for r in some if r.same], low))
    means = " | ".join(f"| | {value:.3f}" for value in np.mean(aucs[:-1], axis=0))
    print(f"| mean over exercises | {means} | {len(groups)} |")
    if room := [r for r in results if r.room]:
        _print_line("all; other: same person", [r for r in results if r.same], room)


def _print_line(name: str, same: Sequence[Result], other: Sequence[Result]) -> list[float]:
    """One line; return the AUC of each way."""
    cells, aucs = [], []
    for way in WAYS.values():
        high, low = [getattr(r, way) for r in same], [getattr(r, way) for r in other]
        aucs.append(auc(high, low))
        cells.append(f"{np.mean(high):.0f} | {np.mean(low):.1f} | {aucs[-1]:.3f}")
    print(f"| {name} |", " | ".join(cells), f"| {len(same)} + {len(other)} |")
    return aucs


def print_times(results: Sequence[Result]) -> None:
    """When things were known, and what was said where there was no number."""
    print("\n| since the demonstrator's camera started | median | 90 % | latest | n |")
    print("|---|---|---|---|---|")
    known = {r.demonstrator: r.known_s for r in results if r.known_s is not None}
    first = [r.first_s for r in results if r.same and r.first_s is not None]
    for what, times in (("what is shown is known", [*known.values()]), ("first number", first)):
        middle, high, latest = np.quantile(times, (0.5, 0.9, 1.0))
        print(f"| {what} | {middle:.1f} s | {high:.1f} s | {latest:.1f} s | {len(times)} |")
    for what, same in (("same", True), ("other", False)):
        without = Counter(r.state for r in results if r.same == same and r.state != "scoring")
        print(f"\npairs without a number, {what}: {dict(without) or 'none'}")


def print_lags(files: Sequence[Path], network: Network) -> None:
    """The lag that is found where the user is the demonstrator, late."""
    print("\n| clip |", " | ".join(f"{lag_s:.1f} s" for lag_s in LAGS_S), "|")
    print("|---|" + "---|" * len(LAGS_S))
    for path in files:
        stream, cells = load(path), []
        for planted_s in LAGS_S:
            by = (planted_s, network.settings, network.calibration)
            found = lag_s(follow(as_shown(stream), stream, *by))
            cells.append("-" if found is None else f"{found:.2f}")
        print(f"| {path.name.partition('.')[0]} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
