"""The kinds of data that are kept, and for how long."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

Kind = Literal[
    "sessions",
    "timelines",
    "calls",
    "jobs",
    "sign_ins",
    "invitations",
    "deliveries",
    "audit",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Days; 0 keeps for ever. docs/privacy.md says why.
DEFAULTS: Mapping[Kind, int] = {
    "sessions": 0,
    "timelines": 730,
    "calls": 0,
    "jobs": 30,
    "sign_ins": 30,
    "invitations": 30,
    "deliveries": 14,
    "audit": 1095,
}


def parse_retention(words: Sequence[str]) -> dict[Kind, int]:
    """Read `KIND=DAYS` words, as an operator gives them.

    Raises:
        ValueError: If one is none, with a sentence.
    """
    days: dict[Kind, int] = {}
    for word in words:
        kind, _, number = word.partition("=")
        found = next((each for each in KINDS if each == kind), None)
        if found is None or not number.isascii() or not number.isdecimal() or int(number) > 36500:
            raise ValueError(
                f"--retain must look like KIND=DAYS, with a kind of {', '.join(KINDS)} and 0 for "
                f"ever, got {word!r}"
            )
        days[found] = int(number)
    return days
