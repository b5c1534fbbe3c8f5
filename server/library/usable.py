"""What a session or a job needs of an exercise: its reference, if that can be used now."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from posesim.errors import PosesimError, UnusableReference
from posesim.references import Reference, Settings

from ..compute.network import compare_with
from ..live.audience import Audience
from ..live.plan import SessionPlan
from ..objects.base import ObjectGone
from ..store.exercises import Exercise
from ..store.sessions import StoredSession
from .exercises import Exercises


class _Holder:
    """Whoever reads a file."""


class NotUsable(PosesimError):
    """An exercise that nobody can be compared with now; the sentence says why."""


@dataclass(frozen=True, eq=False)
class UsableReference:
    """A reference, and its file, which stays where it is for as long as this lives."""

    reference: Reference
    file: Path


async def usable_reference(
    library: Exercises, settings: Settings, exercise: Exercise
) -> UsableReference:
    """Load an exercise's reference; one of other settings is made anew from its clip.

    Args:
        library: Where it lies.
        settings: Of the network that runs here.
        exercise: Whose it is.

    Raises:
        NotUsable: If it is not ready, or not for this network.
    """
    if exercise.state == "failed":
        raise NotUsable(f"This exercise can't be used. {exercise.error}")
    if exercise.state == "embedding":
        raise NotUsable("This exercise is still being prepared. Wait until it is ready.")
    try:
        file = await library.files.reference(exercise)
        holder = _Holder()
        library.files.hold(file, holder)
        reference = await asyncio.to_thread(Reference.load, file)
        settings.require(reference.settings, exercise.name)
    except (UnusableReference, ObjectGone) as error:
        await library.embed_again(exercise, str(error))
        raise NotUsable(
            "This exercise was prepared for another network or its file was damaged. It is being "
            "prepared again from its clip. Wait until it is ready."
        ) from error
    usable = UsableReference(reference, file)
    library.files.hold(file, usable)
    return usable


def plan_against(
    session: StoredSession,
    exercise: Exercise,
    usable: UsableReference,
    library: Exercises,
    *,
    sign_in_id: str | None,
    audience: Audience | None = None,
    run: int | None = None,
) -> SessionPlan:
    """What a stored session of an exercise is about."""
    plan = SessionPlan(
        session_id=session.id,
        user_id=session.user_id,
        exercise_id=exercise.id,
        exercise_name=exercise.name,
        reference_duration_s=usable.reference.duration_s,
        open_comparator=partial(compare_with, usable.file),
        sign_in_id=sign_in_id,
        call_id=session.call_id,
        audience=audience,
        run=run,
    )
    library.files.hold(usable.file, plan)  # another worker may have to open it again
    return plan
