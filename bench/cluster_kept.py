"""What a page was told and what is stored of it: what is lost, and what is doubled.

A result was acknowledged when a page was told of it, or a node showed it in the session's record.
What was in a record stays. What a page was told before it was stored may be taken back, when a node
dies: then a gap with the reason `restart` lies over it, the page is told of that gap, and numbers
of repetitions are given again. This is counted apart. Anything else that is missing is lost.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

KINDS = ("scores", "repetitions", "gaps", "cues")


class Told:
    """What a page knows at the end.

    Args:
        messages: All that it heard for the first time, in order.
    """

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.scores = [m for m in messages if m["type"] == "score"]
        self.gaps = [m for m in messages if m["type"] == "gap"]
        self.cues = [m for m in messages if m["type"] == "cue"]
        self.repetitions: dict[int, dict[str, Any]] = {}
        self.repetitions_told = 0
        self.repetitions_taken_back = 0
        for message in messages:
            if message["type"] == "rep":
                self.repetitions_told += message["number"] not in self.repetitions
                self.repetitions[message["number"]] = message
            elif message["type"] == "welcome":
                counted = message["repetitions"] + message["attempts"]
                for number in [each for each in self.repetitions if each > counted]:
                    del self.repetitions[number]
                    self.repetitions_taken_back += 1


@dataclass
class Acknowledged:
    """What nodes showed of a session's record."""

    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {kind: [] for kind in KINDS}
    )
    lost: list[str] = field(default_factory=list)

    def see(self, record: dict[str, Any]) -> None:
        """Take what a node shows now; all that was there has to be there still."""
        for kind in KINDS:
            before = self.rows[kind]
            if record[kind][: len(before)] != before:
                self.lost.append(f"a record's {kind} were changed or are gone")
            self.rows[kind] = record[kind]


def compare(told: Told, record: dict[str, Any], known: Acknowledged) -> dict[str, Any]:
    """What became of what was told.

    Returns:
        Counts of what was told, stored, shown and taken back; and what is `lost`, `doubled`, or
        stored as an event and never told, as sentences.
    """
    known.see(record)
    lost, doubled, not_told = list(known.lost), [], []
    restarts = [gap for gap in record["gaps"] if gap["reason"] == "restart"]
    told_gaps = {(gap["start_s"], gap["end_s"]) for gap in told.gaps}

    def taken_back(t_s: float) -> bool:
        return any(
            gap["start_s"] <= t_s <= gap["end_s"] and (gap["start_s"], gap["end_s"]) in told_gaps
            for gap in restarts
        )

    back = dict.fromkeys(("scores", "cues"), 0)
    for kind, said in (("scores", told.scores), ("cues", told.cues)):
        stored = Counter(_key(row) for row in record[kind])
        for message in said:
            if _key(message) not in stored:
                if taken_back(message["t_s"]):
                    back[kind] += 1
                else:
                    lost.append(
                        f"{kind}: told of {message['t_s']} s in epoch {message['epoch']}, not "
                        f"stored; {_around(message['t_s'], record)}"
                    )
        doubled += [f"{kind}: {key} is stored {n} times" for key, n in stored.items() if n > 1]
        shown = Counter(_key(message) for message in said)
        doubled += [f"{kind}: {key} was told {n} times" for key, n in shown.items() if n > 1]
    stored_reps = {row["number"]: row for row in record["repetitions"]}
    for number, message in told.repetitions.items():
        row = stored_reps.get(number)
        if row is None or row["start_s"] != message["start_s"]:
            lost.append(f"repetition {number} at {message['start_s']} s: stored is {row}")
    numbers = [row["number"] for row in record["repetitions"]]
    if numbers != list(range(1, len(numbers) + 1)):
        doubled.append(f"numbers of repetitions: {numbers}")
    not_told += [f"repetition {n}" for n in stored_reps if n not in told.repetitions]
    not_told += [
        f"gap from {gap['start_s']} to {gap['end_s']} s"
        for gap in record["gaps"]
        if (gap["start_s"], gap["end_s"]) not in told_gaps
    ]
    times_s = [row["t_s"] for row in record["scores"]]
    if times_s != sorted(times_s):
        doubled.append("scores are not in the order of their times")
    return {
        "scores_told": len(told.scores),
        "scores_stored": len(record["scores"]),
        "scores_taken_back": back["scores"],
        "cues_told": len(told.cues),
        "cues_taken_back": back["cues"],
        "repetitions_told": told.repetitions_told,
        "repetitions_stored": len(stored_reps),
        "repetitions_taken_back": told.repetitions_taken_back,
        "restarts": len(restarts),
        "lost": lost,
        "doubled": doubled,
        "not_told": not_told,
    }


def _around(t_s: float, record: dict[str, Any]) -> str:
    """What is stored next to a time."""
    times_s = [row["t_s"] for row in record["scores"]]
    before = max((each for each in times_s if each < t_s), default=None)
    after = min((each for each in times_s if each > t_s), default=None)
    gaps = [
        (gap["start_s"], gap["end_s"], gap["reason"])
        for gap in record["gaps"]
        if gap["start_s"] - 1 <= t_s <= gap["end_s"] + 1
    ]
    return f"scores of {before} and {after} s are, and gaps {gaps}"


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["t_s"], row.get("score"), row.get("cue"), row.get("part"))
