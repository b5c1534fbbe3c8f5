"""How soon a call goes on after the member reloaded the page: pictures on both sides, and scores.

    python bench/call.py --reloads 5 --json call.json

Two browsers, each with its own camera of a drawn person, and the real server with its network, all
on this machine. The member is scored when they reload. Told are the seconds from the reload until
the page's first bytes are there, it has a line to the server, the picture of the other moves on the
member's and on the coach's page, and the coach is told of the member's new stream: anything, and a
number, for which a whole window of pictures is needed.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

import videos
from call_driver import COACH, MEMBER, Caller
from conftest import find_chromium
from surgery import (
    SQUAT,
    Surgery,
    admit,
    button,
    choose,
    drawn_footage,
    end,
    live,
    numbers,
    surgery_at,
    told,
    wait_for,
)

LIMIT_S = 40.0  # what takes longer is told as not seen
LOOK_MS = 20
WHATS = ("page", "line", "member_sees", "coach_sees", "told", "number")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reloads", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    args = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        print("No Chromium on PATH; install it, e.g.: apt-get install chromium", file=sys.stderr)
        return 2
    # Who calls has a machine of their own: the browsers are not kept behind the server.
    os.environ["CHROMIUM_NICE"] = "0"
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        with surgery_at(folder, playwright, chromium, drawn_footage(folder)) as surgery:
            surgery.add_exercise(SQUAT, videos.stick_figure(folder / "squat.mp4"))
            surgery.add_member(MEMBER)
            rounds = measured(surgery, args.reloads)
    figures = {
        "reloads": rounds,
        **{what: summary([each[what] for each in rounds]) for what in WHATS},
    }
    print(json.dumps(figures, indent=2))
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def summary(seconds: list[float | None]) -> dict[str, float | int | None]:
    """Median and most of what was seen, and how often it was not."""
    seen = [each for each in seconds if each is not None]
    return {
        "median_s": statistics.median(seen) if seen else None,
        "max_s": max(seen, default=None),
        "not_seen": len(seconds) - len(seen),
    }


def measured(surgery: Surgery, reloads: int) -> list[dict[str, float | None]]:
    """A call in which the member is scored and reloads again and again."""
    address = f"#/call/{surgery.appointment()}"
    with (
        surgery.caller(COACH, address, surgery.browser) as coach,
        surgery.another_browser() as browser,
        surgery.caller(MEMBER, address, browser) as member,
    ):
        admit(coach, member)
        choose(coach.page, SQUAT)
        button(coach.page, "Start").click()
        wait_for(coach, lambda: live(coach, "score"), "the first score")
        found = []
        for _ in range(reloads):
            found.append(reload(coach, member))
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
        end(coach.page)
    return found


def reload(coach: Caller, member: Caller) -> dict[str, float | None]:
    """Let the member reload; seconds until each of `WHATS`, None where it took too long."""
    known = {each["session_id"] for each in told(coach, "live")}
    peers = coach.page.evaluate("peers.length")
    welcomed = len(told(member, "welcome"))
    begun_s = time.monotonic()
    member.page.reload(wait_until="commit")
    coach_moves = moving(coach, MEMBER)

    def new(kind: str) -> list[dict[str, Any]]:
        """What the coach was told of the member's new stream."""
        later = [each for each in told(coach, "live") if each["session_id"] not in known]
        return [each["message"] for each in later if each["message"]["type"] == kind]

    checks: dict[str, Callable[[], object]] = {
        "line": lambda: len(told(member, "welcome")) > welcomed,
        "member_sees": moving(member, COACH),
        # Until the coach's page has connected anew it shows what is left of the old connection.
        "coach_sees": lambda: coach.page.evaluate("peers.length") > peers and coach_moves(),
        "told": lambda: new("score"),
        "number": lambda: numbers(new("score")),
    }
    found: dict[str, float | None] = dict.fromkeys(WHATS)
    found["page"] = round(time.monotonic() - begun_s, 2)
    while None in found.values() and time.monotonic() - begun_s < LIMIT_S:
        for what, holds in checks.items():
            if found[what] is None and holds():
                found[what] = round(time.monotonic() - begun_s, 2)
        member.page.wait_for_timeout(LOOK_MS)
    return found


def moving(caller: Caller, name: str) -> Callable[[], bool]:
    """Says, asked again and again, whether the picture of somebody is another than before."""
    last: list[int] | None = None

    def moves() -> bool:
        nonlocal last
        if not caller.page.get_by_label(f"Picture of {name}").count():
            return False
        before, last = last, caller.sees(name)
        return before is not None and last is not None and before != last

    return moves


if __name__ == "__main__":
    sys.exit(main())
