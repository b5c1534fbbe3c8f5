"""What a session is about, how long it may take, and why it can't be had."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from posesim.errors import PosesimError

from ..compute.protocol import OpenWatcher
from .audience import Audience
from .demonstration import Demonstration
from .outcomes import EndReason


@dataclass(frozen=True, kw_only=True)
class SessionPlan:
    """What a session is about.

    A session that `shows` is no try at anything: its camera is what others are compared with.
    Nothing of it is stored, and it has no scores.

    Attributes:
        exercise_id: None where the reference is a demonstration.
        reference_duration_s: Of the reference's clip; 0 for a demonstration, which has no length.
        open_comparator: Runs in a worker, once, or again in the next. Makes a demonstrator where
            the session `shows`, and a comparator that can follow where it `follows`.
        sign_in_id: In which sign-in it was begun; None for a user of an outside issuer.
        call_id: The call that it is a part of.
        run: In which run of a server, or on which node, as `OpenSessionRows.take` counts; None
            where no other can go on with it.
        audience: Hears what the user hears.
        shows: This stream is that demonstration.
        follows: This stream is compared with that demonstration.

    Raises:
        ValueError: If it both shows and follows.
    """

    session_id: str
    user_id: str
    exercise_id: str | None
    exercise_name: str
    reference_duration_s: float
    open_comparator: OpenWatcher
    sign_in_id: str | None = None
    call_id: str | None = None
    run: int | None = None
    audience: Audience | None = None
    shows: Demonstration | None = None
    follows: Demonstration | None = None

    def __post_init__(self) -> None:
        if self.shows is not None and self.follows is not None:
            raise ValueError("a session shows a demonstration or follows one, not both")

    @property
    def resumable(self) -> bool:
        """Whether its page may come back to it; a call makes another session instead."""
        return self.call_id is None and self.shows is None


OnEnd = Callable[[SessionPlan, EndReason], Awaitable[object]]  # told of an end that is stored


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long each part of a session may take, in seconds, and how many may run."""

    join_s: float = 60.0  # from creation to the offer
    negotiation_s: float = 10.0  # from the offer to the answer
    setup_s: float = 20.0  # from the answer to the first frame
    silence_s: float = 10.0  # without a frame
    degraded_s: float = 3.0  # without a sign of life; then another connection may take over
    free_s: float = 9.5  # without one; then others may have the place in the worker
    resume_s: float = 60.0  # from then on to the end, if the page doesn't come back
    total_s: float = 3600.0  # from the answer to the end
    idle_s: float = 600.0  # without a number or a repetition; 0: for ever
    drain_s: float = 2.0  # for the frames that wait when it ends
    finish_s: float = 5.0  # for the summary
    linger_s: float = 1.0  # for the client to hang up after `ended`, which it might miss otherwise
    close_s: float = 5.0  # for the peer connection to close
    # Between two tries to store what could not be stored. It is lost if the server dies meanwhile.
    store_again_s: float = 2.0
    most_sessions: int = 4
    most_of_user: int = 3  # one that is used, and tabs that were forgotten


class SessionGone(PosesimError):
    """A session that has ended or never was."""

    def __init__(self) -> None:
        super().__init__("This session has ended. Start a new one.")


class AlreadyJoined(PosesimError):
    """A second offer."""

    def __init__(self) -> None:
        super().__init__(
            "This session has a camera already. End it, start another session, or send the offer "
            "with `If-Match: *` to take its place."
        )


class HeldElsewhere(PosesimError):
    """An offer of a window that had the session, after another one took it over."""

    def __init__(self) -> None:
        super().__init__(
            "This session goes on in another window. Go on there, or send the offer with "
            "`If-Match: *` to take it back."
        )
