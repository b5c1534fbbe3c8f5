"""One node as the others see it. Values in, values out."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

from posesim.references import Settings

Difference = Literal["version", "network", "secret"]  # between two nodes

MOST_SKEW_S = 5.0  # between a node's clock and that of Redis: tokens and times would be wrong


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What two nodes must have in common to go on with each other's sessions.

    Attributes:
        settings: Of the network and the calibration, as a hash.
        secret: The one that signs tokens, as a hash that does not give it away.
    """

    settings: str
    secret: str

    @classmethod
    def of(cls, settings: Settings, calibration: object, secret: bytes) -> "Kind":
        """What a node with these is."""
        described = f"{settings!r} {calibration!r}".encode()
        return cls(
            settings=hashlib.sha256(described).hexdigest()[:16],
            secret=hmac.digest(secret, b"posesim cluster", "sha256").hex()[:16],
        )


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node's entry.

    Attributes:
        id: Another one at each start.
        url: Its own address, as browsers reach it.
        began_s: When it came, on the clock of Redis.
        most, placed: How many sessions may run there, and how many do.
        takes: Whether it may get more.
        skew_s: How far its clock is ahead of that of Redis; None before it has asked.
    """

    id: str
    url: str
    version: str
    kind: Kind
    began_s: float
    most: int
    placed: int
    takes: bool
    skew_s: float | None = None

    def to_json(self) -> str:
        """As it is kept in Redis, where scripts compare `kind` as one text."""
        return json.dumps(asdict(self) | {"kind": f"{self.kind.settings} {self.kind.secret}"})

    @classmethod
    def from_json(cls, text: str | bytes) -> "Node":
        """Read what `to_json` made, also that of another version, which may know more of a node."""
        values = json.loads(text)
        settings, secret = values["kind"].split(" ")
        known = {each.name for each in fields(cls)} - {"kind"}
        values = {name: value for name, value in values.items() if name in known}
        return cls(**values, kind=Kind(settings=settings, secret=secret))


def why_not(me: Node, others: Sequence[Node], skew_s: float) -> str | None:
    """Why a node may get no sessions; None if it may.

    Of two that don't fit together the one that came later stands back. Another version alone is no
    reason: nodes are upgraded one after the other. Of clocks those are right that go with that of
    Redis, unless none does: then it is that one that is wrong, and nothing depends on it.

    Args:
        me: The node.
        others: Those that are there; it may be among them.
        skew_s: How far its clock is ahead of that of Redis.
    """
    if abs(skew_s) > MOST_SKEW_S and not _all_are_so(me, others, skew_s):
        return (
            f"The clock of this node is {_apart(skew_s)} that of Redis; {MOST_SKEW_S:.0f} s is the "
            "most. Set it, best by NTP."
        )
    for other in others:
        if (other.began_s, other.id) >= (me.began_s, me.id):
            continue
        if other.kind.secret != me.kind.secret:
            return (
                f"This node signs tokens with another secret than {other.url}. Give all nodes the "
                "same file `secret` in their data folders."
            )
        if other.kind.settings != me.kind.settings:
            return (
                f"This node has another network, other weights or another calibration than "
                f"{other.url}. Start it with the same."
            )
    return None


def odd_redis(skew_s: float) -> str | None:
    """Say that the clock of Redis is far from that of a node that may go on; None if it is not."""
    if abs(skew_s) <= MOST_SKEW_S:
        return None
    return f"The clock of Redis is {_apart(-skew_s)} that of all nodes. Set it, best by NTP."


def _all_are_so(me: Node, others: Sequence[Node], skew_s: float) -> bool:
    known = [each.skew_s for each in others if each.id != me.id and each.skew_s is not None]
    return all(abs(each - skew_s) <= MOST_SKEW_S for each in known)


def _apart(skew_s: float) -> str:
    return f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'}"


def difference(me: Node, other: Node) -> Difference | None:
    """What another node has that this one has not, the gravest first; None if they are alike."""
    if other.kind.secret != me.kind.secret:
        return "secret"
    if other.kind.settings != me.kind.settings:
        return "network"
    return "version" if other.version != me.version else None


def unlike(me: Node, others: Sequence[Node]) -> dict[Difference, list[Node]]:
    """The nodes that are there and not like this one, by what they have."""
    return {
        each: [other for other in others if difference(me, other) == each]
        for each in get_args(Difference)
    }


def in_words(me: Node, differing: Mapping[Difference, Sequence[Node]]) -> str | None:
    """Say what `unlike` found; None if nothing."""
    said = []
    if differing["secret"]:
        said.append(f"Another secret signs tokens on {_named(differing['secret'])}.")
    if differing["network"]:
        said.append(
            f"There is another network, other weights or another calibration on "
            f"{_named(differing['network'])}, and no session goes from one to the other."
        )
    if differing["version"]:
        versions = sorted({each.version for each in differing["version"]})
        said.append(
            f"Version {', '.join(versions)} runs on {_named(differing['version'])}, and "
            f"{me.version} here. Bring all nodes to one version."
        )
    return " ".join(said) or None


def _named(nodes: Sequence[Node]) -> str:
    return ", ".join(sorted(each.url for each in nodes))
