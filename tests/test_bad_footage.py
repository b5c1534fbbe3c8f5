"""What is said where camera, room, clip or user are not what was hoped for; the real networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from bad_footage import (
    cut_out,
    noisy,
    pictures,
    played,
    shaken,
    side_by_side,
    stretched,
    there_and_back,
)
from videos import write_video

from posesim import cli
from posesim.errors import NobodyToFollow
from posesim.framing import Picture
from posesim.judge import SETTLED_S
from posesim.network import Network
from posesim.references import Reference
from posesim.updates import (
    GapUpdate,
    PoseUpdate,
    ReferenceClock,
    RepUpdate,
    ScoreUpdate,
    Summary,
    Update,
)

pytestmark = [pytest.mark.weights, pytest.mark.clips, pytest.mark.slow, pytest.mark.shares]

FIRST_NUMBER_S = 2.5  # no number can come before the network's first window
ENOUGH_S = 4.5  # by then the first number has come
NOTICED_S = 1.0  # what is there for half a second is said, with the next chunk


@dataclass(frozen=True)
class Seen:
    """All that was said of a user."""

    updates: list[Update]
    summary: Summary

    @property
    def scores(self) -> list[ScoreUpdate]:
        return [update for update in self.updates if isinstance(update, ScoreUpdate)]

    @property
    def repetitions(self) -> list[RepUpdate]:
        return [update for update in self.updates if isinstance(update, RepUpdate)]

    def states(self, from_s: float = 0.0, to_s: float = math.inf) -> set[str]:
        return {update.state for update in self.scores if from_s <= update.t_s < to_s}

    def numbers_s(self) -> list[float]:
        """When there was a number."""
        return [update.t_s for update in self.scores if update.score is not None]


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.open(cli.weights_path())


@pytest.fixture(scope="module")
def embedded(network, clips) -> Callable[[str], Reference]:
    return cache(lambda name: embed(network, clips / f"{name}.mp4"))


def embed(network: Network, clip: Path) -> Reference:
    return network.embed(clip, clip.stem)


def watch(
    network: Network,
    reference: Reference,
    shown: Iterable[Picture],
    clock: ReferenceClock | None = None,
) -> Seen:
    """Compare a user's pictures with a reference; whatever they are, what is said must be sound."""
    comparator = network.comparator(reference)
    comparator.follow(clock)
    updates = [update for time_s, rgb in played(shown) for update in comparator.push(time_s, rgb)]
    seen = Seen(updates + comparator.finish(), comparator.summary())
    assert_sound(seen, reference)
    return seen


def assert_sound(seen: Seen, reference: Reference) -> None:
    times_s = [update.t_s for update in seen.scores]
    assert times_s == sorted(times_s)
    assert all(t_s >= FIRST_NUMBER_S for t_s in seen.numbers_s())
    for update in seen.scores:
        assert (update.state == "scoring") == (update.score is not None)
        assert (update.score is None) == (update.components is None)
        assert update.score is None or 0 <= update.score <= 100  # which NaN is not
        assert update.reference_s is None or 0 <= update.reference_s <= reference.duration_s
        assert update.tempo is None or 0 < update.tempo < math.inf
    valid = [rep.valid for rep in seen.repetitions]
    assert (valid.count(True), valid.count(False)) == (
        seen.summary.repetitions,
        seen.summary.attempts,
    )
    assert [rep.number for rep in seen.repetitions] == [n + 1 for n in range(len(seen.repetitions))]
    for rep in seen.repetitions:
        assert rep.start_s < rep.end_s
        assert rep.score is None or 0 <= rep.score <= 100
        assert math.isfinite(rep.range)
    for update in seen.updates:
        if isinstance(update, PoseUpdate):
            assert np.isfinite(update.landmarks).all()
    assert not any(isinstance(update, GapUpdate) for update in seen.updates)


PUSH_UP = "push_up__kg_puD__side"  # a reference, by a person whom no other push-up here shows


# Cuts


def film_of_one_person(clips: Path) -> list[Picture]:
    """Push-ups and sit-ups in one garden, cut every 2.5 s."""
    push_ups = pictures(clips / "push_up__wanshape_A__oblique.mp4", to_s=5)
    sit_ups = pictures(clips / "sit_up__wanshape_A__side.mp4", to_s=5)
    return [*push_ups[:62], *sit_ups[:62], *push_ups[62:], *sit_ups[62:]]


def film_of_two_people(clips: Path) -> list[Picture]:
    """Push-ups and pull-ups, in pictures of another size and shape, cut every 2 s."""
    push_ups = pictures(clips / "push_up__kg_puE__side.mp4", to_s=4)
    pull_ups = pictures(clips / "pull_up__aisc_B__front.mp4", to_s=4)
    return [*push_ups[:50], *pull_ups[:50], *push_ups[50:], *pull_ups[50:]]


@pytest.mark.parametrize("film", [film_of_one_person, film_of_two_people])
def test_a_user_who_is_cut_every_few_seconds_is_told_nothing_unsound(
    network, embedded, clips, film
):
    seen = watch(network, embedded(PUSH_UP), film(clips))
    assert len(seen.repetitions) <= 1 + 1  # one push-up is shown from its beginning to its end


def test_a_reference_with_cuts_can_be_followed(network, clips, tmp_path):
    film = film_of_one_person(clips)
    reference = embed(network, write_video(tmp_path / "cut.mp4", played(film)))
    seen = watch(network, reference, pictures(clips / "push_up__kg_puE__side.mp4"))
    assert len(seen.scores) > 10


# The camera


@pytest.fixture(scope="module")
def steady(network, embedded, clips) -> Seen:
    return watch(network, embedded(PUSH_UP), pictures(clips / "push_up__kg_puE__side.mp4"))


def test_a_shaking_camera_costs_few_points(network, embedded, clips, steady):
    shaking = shaken(pictures(clips / "push_up__kg_puE__side.mp4"))
    seen = watch(network, embedded(PUSH_UP), shaking)
    assert seen.summary.score == pytest.approx(steady.summary.score, abs=20)
    assert seen.summary.repetitions == steady.summary.repetitions


# Who is there


def test_who_leaves_and_comes_back_is_missed_then_judged_anew_and_counted_on(
    network, embedded, clips
):
    exercising = pictures(clips / "push_up__cal_puF__side.mp4", to_s=13)
    room = stretched(cut_out(exercising[0], (0, 0, 1, 0.2)), like=exercising[0])
    away = noisy([room] * 75)
    shown = [*exercising[:125], *away, *exercising[125:]]  # from 5 to 8 s nobody is there
    seen = watch(network, embedded(PUSH_UP), shown)
    assert seen.states(5 + NOTICED_S, 8) == {"no_person"}
    assert seen.states(8 + NOTICED_S, 8 + SETTLED_S) == {"warming_up"}
    numbers_s = np.array(seen.numbers_s())
    assert (numbers_s < 5 + NOTICED_S).any()
    assert not ((numbers_s > 5 + NOTICED_S) & (numbers_s < 8 + SETTLED_S)).any()
    assert seen.states(8 + SETTLED_S + NOTICED_S) == {"scoring"}
    before = [rep for rep in seen.repetitions if rep.end_s < 8]
    after = [rep for rep in seen.repetitions if rep.start_s > 8]
    assert 3 <= len(before) <= 4  # of 4 push-ups
    assert 5 <= len(after) <= 8  # of 8


@pytest.fixture
def squatting(clips) -> list[Picture]:
    """Somebody who squats, in the half of a picture."""
    shown = there_and_back(pictures(clips / "squat__kg_sqD__front_2.mp4"), 10)
    return [rgb[:, 115:435] for rgb in shown]


@pytest.fixture
def jumping_rope(clips) -> list[Picture]:
    """Somebody else, in the half of a picture."""
    shown = pictures(clips / "jump_rope__aisc_A__front.mp4", to_s=5)
    return [rgb[:, 173:493] for rgb in shown]


def test_two_people_never_get_a_number(network, embedded, squatting, jumping_rope):
    shown = side_by_side(squatting[:100], jumping_rope)
    seen = watch(network, embedded("squat__kg_sqD__front"), shown)
    assert seen.summary.score is None
    assert seen.states(from_s=FIRST_NUMBER_S) == {"several"}


def test_a_second_person_who_comes_is_noticed_and_ends_the_numbers(
    network, embedded, squatting, jumping_rope
):
    room = stretched(squatting[0][:, 210:], like=squatting[0])
    shown = side_by_side(squatting, [*[room] * 125, *jumping_rope])  # alone until 5 s
    seen = watch(network, embedded("squat__kg_sqD__front"), shown)
    assert "scoring" in seen.states(to_s=5)
    assert "several" not in seen.states(to_s=5)
    noticed_s = next(update.t_s for update in seen.scores if update.state == "several")
    assert noticed_s < 5 + 5
    assert seen.states(from_s=noticed_s) == {"several"}


@pytest.mark.parametrize("size", [0.6, 0.9])  # of the image over that of the person
def test_a_mirror_in_the_room_is_no_reason_to_see_nobody(network, embedded, clips, size):
    shown = []
    for rgb in pictures(clips / "jumping_jack__cesta_B__oblique.mp4"):
        image = cut_out(rgb[:, ::-1], (0.43, 0, 0.8, 1))
        height, width = (round(size * side) for side in image.shape[:2])
        with_mirror = rgb.copy()
        hung = with_mirror[10 : 10 + height, 300 : 300 + width]
        hung[:] = stretched(image, like=hung)
        shown.append(with_mirror)
    seen = watch(network, embedded("jumping_jack__wanshape_A__front"), shown)
    assert seen.states(to_s=ENOUGH_S) <= {"warming_up", "scoring", "several"}
    assert seen.states(from_s=ENOUGH_S) <= {"scoring", "several"}


def test_a_clip_with_nobody_in_it_is_no_reference(network, clips, tmp_path):
    picture = pictures(clips / "push_up__cal_puF__side.mp4", to_s=0.1)[0]
    room = stretched(cut_out(picture, (0, 0, 1, 0.2)), like=picture)
    clip = write_video(tmp_path / "room.mp4", played(list(noisy([room] * 100))))
    with pytest.raises(NobodyToFollow) as refused:
        embed(network, clip)
    assert str(refused.value) == (
        "In 'room.mp4' there is hardly anybody to be seen. Film one person, in good light, from "
        "head to feet, and keep the camera still."
    )


# What they do


def test_a_reference_shorter_than_a_repetition_invents_none(network, clips, tmp_path):
    beginning = pictures(clips / "sit_up__posetest_G__side.mp4", to_s=2.72)
    reference = embed(network, write_video(tmp_path / "short.mp4", played(beginning)))
    two = pictures(clips / "sit_up__wanshape_A__side.mp4", to_s=8.5)
    seen = watch(network, reference, two)
    assert seen.numbers_s()
    assert len(seen.repetitions) <= 2 + 1


@pytest.mark.parametrize(("seconds", "camera"), [(20, noisy), (6, shaken)])
def test_who_does_nothing_is_still_and_never_gets_a_number(
    network, embedded, clips, seconds, camera
):
    one, other = pictures(clips / "push_up__kg_puE__side.mp4", 2.8, 2.88)
    swaying = ([one] * 12 + [other] * 12) * seconds
    seen = watch(network, embedded(PUSH_UP), camera(swaying[: seconds * 25]))
    assert seen.states(to_s=ENOUGH_S) <= {"warming_up", "still"}
    assert seen.states(from_s=ENOUGH_S) == {"still"}
    assert seen.summary.score is None
    assert not seen.repetitions


@pytest.mark.parametrize(
    ("reference", "other"),
    [
        (PUSH_UP, "sit_up__aisc_A__side"),
        (PUSH_UP, "squat__kg_sqD__front_2"),
        ("squat__kg_sqD__front", "push_up__kg_puE__side"),
    ],
)
def test_another_exercise_scores_low_or_is_lost(network, embedded, clips, reference, other):
    shown = there_and_back(pictures(clips / f"{other}.mp4", to_s=6), 6)
    seen = watch(network, embedded(reference), shown)
    assert seen.summary.score is None or seen.summary.score < 20
    assert seen.states(from_s=ENOUGH_S) <= {"scoring", "lost"}
    assert not seen.repetitions


def test_another_person_s_repetitions_of_the_exercise_score_high(steady):
    assert steady.summary.score > 60


def test_half_a_push_up_scores_clearly_less_than_a_whole_one(network, embedded, clips):
    clip = clips / "push_up__kg_puE__side.mp4"
    # By the clip's landmarks: up at 2.8 s, the elbows half bent at 3.12 s, down at 3.52 s.
    down, half_down = pictures(clip, 2.8, 3.54), pictures(clip, 2.8, 3.14)
    half_down = [rgb for rgb in half_down for _ in range(2)]  # so that it takes as long
    whole, half = (
        watch(network, embedded(PUSH_UP), there_and_back(way, 6)).summary.score
        for way in (down, half_down)
    )
    assert half < 0.6 * whole


# With a reference that is played to them

PLAYED = "sit_up__wanshape_A__side"


def lags_s(seen: Seen, from_s: float) -> list[float]:
    return [u.lag_s for u in seen.scores if u.t_s >= from_s and u.score is not None]


def test_who_is_late_is_told_by_how_much(network, embedded, clips):
    shown = pictures(clips / f"{PLAYED}.mp4", to_s=9)
    seen = watch(network, embedded(PLAYED), shown, ReferenceClock(at_s=0.0, reference_s=0.6))
    late_s = lags_s(seen, from_s=4.5)
    assert len(late_s) > 10
    assert np.median(late_s) == pytest.approx(0.6, abs=0.25)
    assert min(late_s) > 0.2


def test_somebody_else_who_is_late_is_told_so_on_the_whole(network, embedded, clips):
    # Up at 2.16 s; the reference is up at 3.92 s; so the player is 0.6 s ahead.
    clock = ReferenceClock(at_s=2.16, reference_s=3.92 + 0.6)
    shown = pictures(clips / "sit_up__posetest_G__side.mp4", to_s=10)
    late_s = lags_s(watch(network, embedded(PLAYED), shown, clock), from_s=5)
    assert len(late_s) > 10
    assert np.median(late_s) == pytest.approx(0.6, abs=0.35)
