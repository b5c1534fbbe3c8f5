"""How far a score can be trusted: planted faults in clips of people it was not calibrated on.

    python bench/score.py ../shared/clips --keep bench/out/streams --json bench/out/score.json
    python bench/score.py ../shared/clips --keep bench/out/streams --parts exercise,phase

The folder holds video files and `manifest.csv` (file, exercise, person, view). For what needs
repetitions, `phases.json` gives by clip `joint` and `turns_s`, one turning point a repetition, and
`landmarks/NAME.npz` body landmarks at 12.5 per second (`image` and `world`). What the network sees
is kept in another folder, since that takes most of the time.

Each pair of user and reference is judged with a calibration that knows neither of the two people.
Printed is one table: what, how much, how much was wanted, and over how many pairs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from calibrate import collect, comparable, fit, is_usable
from footage import (
    SAMENESS,
    Clip,
    Footage,
    elsewhere,
    empty_room,
    partial,
    read_manifest,
    replayed,
    still,
    two_people,
    walking_through,
)
from replay import Job, Judged, run
from streams import Streams
from tqdm import tqdm

from posesim.backbones import BACKBONES, DEFAULT
from posesim.cli import weights_path
from posesim.network import Network
from posesim.scoring import Calibration

FRACTIONS = (1.0, 0.75, 0.5, 0.25)
SPEEDS = (0.5, 0.67, 1.5, 2.0)
UNCOUNTED_S = 2.0  # at the beginning of a clip, in which no phase is expected
REPLAYED_S = 3.0  # a clip that lasts less when it is replayed faster is left out
ROOM = "wanshape_A"  # one person who does many exercises in one place


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, over how many, and what was wanted."""

    part: str
    what: str
    value: float
    count: int
    wanted: str = ""


def main() -> None:
    """Measure; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="keep what the network sees here")
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    parser.add_argument("--parts", default=",".join(PARTS), help="of: " + ", ".join(PARTS))
    parser.add_argument("--backbone", choices=tuple(BACKBONES), default=DEFAULT)
    args = parser.parse_args()
    network = Network.open(weights_path(args.backbone), backbone=args.backbone)
    bench = Bench(read_manifest(args.folder), Streams(network, args.keep), args.backbone)
    rows = []
    print("| part | what | value | wanted | n |\n|---|---|---|---|---|")
    for part in args.parts.split(","):
        for row in PARTS[part](bench):
            rows.append(row)
            text = f"| {row.part} | {row.what} | {row.value:.3f} | {row.wanted} | {row.count} |"
            print(text, flush=True)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


class Bench:
    """The clips, what was seen in them, and calibrations that leave people out."""

    def __init__(self, clips: Sequence[Clip], streams: Streams, backbone: str) -> None:
        self.clips = clips
        self._streams = streams
        self._backbone = backbone
        self.pairs = collect(clips, streams, backbone)
        self.files = {
            clip.name: path
            for clip in clips
            if is_usable(path := streams.keep(clip.name, clip.frames()))
        }
        self.references = [clip for clip in clips if clip.name in self.files]
        self.without = cache(self._without)

    def _without(self, people: frozenset[str]) -> Calibration:
        """The calibration that some people had no part in."""
        known = [p for p in self.pairs if not {p.user.person, p.reference.person} & people]
        return fit(known, self._backbone)

    def judged(
        self, users: Sequence[tuple[Clip, Path, Clip]], what: str
    ) -> list[tuple[Clip, Clip, Judged]]:
        """Judge streams of users, each against a reference."""
        jobs = [
            Job(path, self.files[ref.name], self.without(frozenset({user.person, ref.person})))
            for user, path, ref in users
        ]
        results = run(jobs, what)
        return [(user, ref, each) for (user, _, ref), each in zip(users, results, strict=True)]

    def others(self, clip: Clip) -> list[Clip]:
        """References of the same exercise by other people."""
        return [
            other
            for other in self.references
            if other.exercise == clip.exercise and other.person != clip.person
        ]

    def planted(
        self,
        make: Callable[[Clip], Footage | None],
        name: str,
        clips: Iterable[Clip],
        references: Callable[[Clip], list[Clip]],
    ) -> list[tuple[Clip, Path, Clip]]:
        """What was seen in changed clips, each with the references it is judged against."""
        users = []
        for clip in tqdm(list(clips), desc=name, unit="clip"):
            against = references(clip)
            if against and (footage := make(clip)) is not None:
                path = self._streams.keep(f"{clip.name}.{name}", footage)
                users += [(clip, path, other) for other in against]
        return users


# The parts


def exercise(bench: Bench) -> list[Row]:
    """Which exercise is it?"""
    users = [
        (user, bench.files[user.name], ref)
        for user in bench.references
        for ref in bench.references
        if user is not ref and comparable(user, ref)
    ]
    results = bench.judged(users, "exercises")
    same = [(u, r, j.score) for u, r, j in results if u.exercise == r.exercise]
    other = [(u, r, j.score) for u, r, j in results if u.exercise != r.exercise]
    strangers = [score for u, r, score in other if u.person != r.person]
    room = [s for u, r, s in other if u.person == r.person == ROOM]
    each = {
        name: auc(
            [s for _, r, s in same if r.exercise == name],
            [s for u, r, s in other if r.exercise == name and u.person != r.person],
        )
        for name in sorted({r.exercise for _, r, _ in same})
    }
    scores = [score for _, _, score in same]
    rows = [
        Row("exercise", "AUC, all", auc(scores, strangers), len(results), "0.98"),
        Row("exercise", "AUC, mean over exercises", _mean(each.values()), len(each), "0.96"),
    ]
    if room:
        rows.append(Row("exercise", "AUC, same room", auc(scores, room), len(room), "0.96"))
    rows += [Row("exercise", f"AUC, {name}", value, 1) for name, value in each.items()]
    rows.append(Row("exercise", "median score, same", float(np.median(scores)), len(scores)))
    rows.append(Row("exercise", "median score, other", float(np.median(strangers)), len(strangers)))
    return rows


def phase(bench: Bench) -> list[Row]:
    """Where in the movement? Online, between turning points, as a share of a repetition."""
    users = [
        (user, bench.files[user.name], ref)
        for user in bench.references
        for ref in bench.others(user)
        if min(len(user.turns_s), len(ref.turns_s)) >= 2
    ]
    same, other = [], []
    for user, ref, judged in bench.judged(users, "phase"):
        first_s = max(UNCOUNTED_S, user.turns_s[0])
        places = np.array(
            [
                (each.t_s, each.reference_s)
                for each in judged.scores
                if each.reference_s is not None and first_s <= each.t_s <= user.turns_s[-1]
            ]
        )
        if len(places) < 2:
            continue
        apart = (phases(places[:, 0], user.turns_s) - phases(places[:, 1], ref.turns_s)) % 1
        (same if user.view == ref.view else other).append(_mean(np.minimum(apart, 1 - apart)))
    return [
        Row("phase", "error, all", _mean(same + other), len(same + other), "0.07"),
        Row("phase", "error, same view", _mean(same), len(same)),
        Row("phase", "error, other view", _mean(other), len(other)),
    ]


def range_(bench: Bench) -> list[Row]:
    """How far? Repetitions cut to a fraction of their depth, against whole ones."""

    def references(clip: Clip) -> list[Clip]:
        return [other for other in bench.others(clip) if other.turns_s]

    scores: dict[float, list[float]] = {}
    extents: dict[float, list[float]] = {}
    ranked: dict[tuple[str, str], list[float]] = {}
    for fraction in FRACTIONS:

        def make(clip: Clip, fraction: float = fraction) -> Footage | None:
            return partial(clip, fraction)

        users = bench.planted(make, f"range{fraction}", bench.clips, references)
        results = _seen(bench.judged(users, f"range {fraction}"))
        scores[fraction] = [judged.score for _, _, judged in results]
        extents[fraction] = [_mean(judged.extents) for _, _, judged in results]
        for (user, ref, _), value in zip(results, scores[fraction], strict=True):
            ranked.setdefault((user.name, ref.name), []).append(value)
    wanted = {0.5: "0.95", 0.25: "0.995"}
    rows = []
    for fraction in FRACTIONS[1:]:
        for what, values in (("score", scores), ("extent", extents)):
            value = auc(values[1.0], values[fraction])
            text = f"AUC of the {what}, {fraction:.0%} against whole"
            rows.append(Row("range", text, value, len(values[fraction]), wanted.get(fraction, "")))
    correlations = [
        rank_correlation(values, FRACTIONS) for values in ranked.values() if len(values) == 4
    ]
    rows.append(Row("range", "rank correlation", _mean(correlations), len(correlations)))
    rows += [
        Row("range", f"median score, {fraction:.0%}", float(np.median(values)), len(values))
        for fraction, values in scores.items()
    ]
    return rows


def tempo(bench: Bench) -> list[Row]:
    """How fast? Clips replayed at other speeds, against themselves and against other people.

    Against others the true ratio is not known; what is wanted is that it changes with the speed.
    """
    clips = [clip for clip in bench.references if len(clip.turns_s) >= 2]
    errors: dict[str, list[float]] = {"against itself": [], "against others": []}

    def against(clip: Clip) -> list[Clip]:
        return [clip, *(other for other in bench.others(clip) if other.turns_s)]

    def estimates(speed: float) -> dict[tuple[str, str], float | None]:
        def make(clip: Clip) -> Footage | None:
            long = _length_s(clip) / speed >= REPLAYED_S
            return replayed(clip, speed) if long else None

        users = (
            [(clip, bench.files[clip.name], other) for clip in clips for other in against(clip)]
            if speed == 1
            else bench.planted(make, f"tempo{speed}", clips, against)
        )
        return {
            (user.name, ref.name): judged.summary.tempo
            for user, ref, judged in bench.judged(users, f"tempo {speed}")
        }

    plain = estimates(1)
    for speed in SPEEDS:
        for pair, estimate in estimates(speed).items():
            itself = pair[0] == pair[1]
            truth = speed if itself else speed * (plain[pair] or np.nan)
            error = abs((estimate or 0.0) / truth - 1)
            if np.isfinite(error):
                errors["against itself" if itself else "against others"].append(float(error))
    rows = []
    for what, values in errors.items():
        within = _mean(np.array(values) <= 0.1)
        rows.append(Row("tempo", f"median error, {what}", float(np.median(values)), len(values)))
        rows.append(Row("tempo", f"within 10 %, {what}", within, len(values), "1"))
    return rows


def nothing(bench: Bench) -> list[Row]:
    """Where there is nothing to score no number must be shown."""
    every_third = bench.references[::3]

    def beside(clip: Clip) -> Footage:
        return two_people(clip, bench.clips[(bench.clips.index(clip) + 7) % len(bench.clips)])

    def some(clip: Clip) -> list[Clip]:
        return [*bench.others(clip)[:2], every_third[len(clip.name) % len(every_third)]]

    kinds: list[tuple[str, Callable[[Clip], Footage | None], Sequence[Clip], set[str]]] = [
        ("still", still, bench.references, {"still"}),
        ("empty", empty_room, every_third, {"no_person"}),
        ("walk", walking_through, every_third, {"no_person"}),
        ("two", beside, every_third, {"several"}),
    ]
    rows = []
    for name, make, clips, right in kinds:
        results = bench.judged(bench.planted(make, name, clips, some), name)
        numbers, first_s = [], []
        for _, _, judged in results:
            numbers.append(_mean([each.score is not None for each in judged.scores]))
            when = [each.t_s for each in judged.scores if each.state in right]
            first_s.append(when[0] if when else np.inf)
        rows.append(
            Row("nothing", f"{name}: time with a number", _mean(numbers), len(numbers), "0")
        )
        rows.append(
            Row("nothing", f"{name}: seconds to the state", float(np.median(first_s)), len(first_s))
        )
        if name in ("still", "empty"):
            moving = _whole(bench)
            idle = [judged.score for _, _, judged in results]
            rows.append(Row("nothing", f"{name}: AUC", auc(moving, idle), len(idle), "0.999"))
    return rows


def repetitions(bench: Bench) -> list[Row]:
    """How many? Against references by other people."""
    users = [
        (user, bench.files[user.name], ref)
        for user in bench.references
        for ref in bench.others(user)
        if user.turns_s and ref.turns_s
    ]
    results = bench.judged(users, "repetitions")
    off = np.array([len(j.repetitions) - len(user.turns_s) for user, _, j in results])
    valid = np.array([j.summary.repetitions - len(user.turns_s) for user, _, j in results])
    return [
        Row("repetitions", "within one", _mean(np.abs(off) <= 1), len(off), "0.95"),
        Row("repetitions", "exact", _mean(off == 0), len(off)),
        Row("repetitions", "valid ones within one", _mean(np.abs(valid) <= 1), len(off)),
    ]


def sameness(bench: Bench) -> list[Row]:
    """The same movement seen otherwise must score the same."""
    clips = [clip for clip in bench.references if bench.others(clip)][::2]
    plain_users = [
        (clip, bench.files[clip.name], ref) for clip in clips for ref in bench.others(clip)
    ]
    plain = {(u.name, r.name): j.score for u, r, j in bench.judged(plain_users, "as filmed")}

    def abroad(clip: Clip) -> Footage:
        index = bench.clips.index(clip)
        later = [*bench.clips[index + 1 :], *bench.clips]
        return elsewhere(clip, next(c for c in later if c.exercise != clip.exercise))

    rows = []
    for name, make in [*SAMENESS.items(), ("elsewhere", abroad)]:
        users = bench.planted(make, f"same.{name}", clips, bench.others)
        changes = [
            abs(judged.score - plain[user.name, ref.name])
            for user, ref, judged in bench.judged(users, name)
        ]
        rows.append(Row("sameness", f"{name}: mean change", _mean(changes), len(changes), "5"))
        rows.append(
            Row("sameness", f"{name}: within 5 points", _mean(np.array(changes) <= 5), len(changes))
        )
    return rows


PARTS: dict[str, Callable[[Bench], list[Row]]] = {
    "exercise": exercise,
    "phase": phase,
    "range": range_,
    "tempo": tempo,
    "nothing": nothing,
    "repetitions": repetitions,
    "sameness": sameness,
}


# Measures


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """The share of pairs in which one that should be high is above one that should be low."""
    if not len(high) or not len(low):
        return float("nan")
    ordered = np.sort(low)
    below, up_to = (np.searchsorted(ordered, high, side) for side in ("left", "right"))
    return float(np.mean((below + up_to) / 2) / len(low))


def phases(times_s: np.ndarray, turns_s: Sequence[float]) -> np.ndarray:
    """Repetitions up to each time, counted straight from turn to turn, and on as far as needed."""
    turns = np.array(turns_s)
    period = float(np.median(np.diff(turns)))
    more = period * np.arange(1, 200)
    turns = np.concatenate([turns[0] - more[::-1], turns, turns[-1] + more])
    return np.interp(times_s, turns, np.arange(len(turns)))


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's, for values that are hardly ever equal."""
    ranks = [np.argsort(np.argsort(values)) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def _whole(bench: Bench) -> list[float]:
    """Scores of whole repetitions against other people's references."""
    users = bench.planted(lambda clip: partial(clip, 1.0), "range1.0", bench.clips, bench.others)
    return [judged.score for _, _, judged in _seen(bench.judged(users, "whole"))]


def _seen(results: list[tuple[Clip, Clip, Judged]]) -> list[tuple[Clip, Clip, Judged]]:
    """Those in which somebody could be judged: a part of a clip may show too little of the body."""
    states = ("scoring", "still", "lost")
    return [each for each in results if any(s.state in states for s in each[2].scores)]


def _length_s(clip: Clip) -> float:
    return len(clip.landmarks) / 12.5


def _mean(values: Iterable[float] | np.ndarray) -> float:
    listed = list(values)
    return float(np.mean(listed)) if listed else float("nan")


if __name__ == "__main__":
    main()
