"""What two nodes say to each other of a session of a call that is not where its room is.

FarSessions, the room's node            Host, where the session is
Opening, then Wanted, until the line ──▶  makes it and does so; without a line ends it
                                     ◀──  IsMade or Cant; Heard, of its end at last
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ..cluster.lines import Line
from ..live.outcomes import EndReason
from .server_messages import LiveMessage

PURPOSE = "session"


class Said(BaseModel):
    """All of these are."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IsMade(Said):
    """It waits for its camera."""

    name: str
    whip_url: str


class Cant(Said):
    """There can be none; the sentence says why."""

    detail: str


class Heard(Said):
    """Its page was told something; `time_s` is where it was then, None when it was ending."""

    message: Annotated[LiveMessage, Field(discriminator="type")]
    time_s: float | None


class Wanted(Said):
    """What the room wants of it: one of the two."""

    pause: bool | None = None
    end: EndReason | None = None


class Opening(Said):
    """What the session is to be."""

    session_id: str
    coach_id: str
    call_id: str
    exercise_id: str
    sign_in_id: str | None


SAID: TypeAdapter[IsMade | Cant | Heard] = TypeAdapter(IsMade | Cant | Heard)


def say(line: Line, said: Said, *, lossy: bool = False) -> None:
    """Say one of these."""
    line.say(said.model_dump(mode="json"), lossy=lossy)
