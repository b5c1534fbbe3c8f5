"""What a reference lets one expect, before anybody comes."""

from dataclasses import replace

import numpy as np
import pytest
from bodies import (
    FRONT,
    View,
    held,
    jumping_jack,
    left_raise,
    plank,
    push_up,
    repeated,
    squat,
    standing,
)
from fake_engine import CALIBRATION
from streams import expectation, reference

from posesim.expectation import Expectation
from posesim.likeness import posterior
from posesim.posture import PART_INDEX

SQUATS = repeated(squat, 2.0, rest_s=0.5)


def test_it_knows_a_posture_at_each_position():
    expected = expectation(SQUATS, 8.0)
    assert len(expected.postures) == len(expected.times_s) == len(expected.taps)
    assert np.isfinite(expected.postures.values).all()
    deepest = expected.degrees[:, PART_INDEX["left_knee"]].argmin()
    assert expected.times_s[deepest] % 2.5 == pytest.approx(1.0, abs=0.1)
    assert expected.degrees[deepest, PART_INDEX["left_knee"]] == pytest.approx(60, abs=5)


def test_positions_at_which_nobody_was_seen_have_no_posture():
    made = reference(SQUATS, 8.0)
    features = made.features
    there = (features.poses_s < 3) | (features.poses_s > 5)
    parted = replace(
        features,
        poses_s=features.poses_s[there],
        landmarks=features.landmarks[there],
        world=features.world[there],
    )
    expected = Expectation.of(replace(made, features=parted), CALIBRATION.hold_energy)
    unknown = np.isnan(expected.postures.values).any(axis=1)
    assert unknown[np.abs(expected.times_s - 4) < 0.5].all()
    assert not unknown[np.abs(expected.times_s - 4) > 1.1].any()


def test_a_clip_in_which_nobody_was_looked_for_repeats_nothing():
    made = reference(SQUATS, 8.0)
    nobody = replace(
        made.features,
        poses_s=np.empty(0),
        landmarks=np.empty((0, 33, 4), np.float32),
        world=np.empty((0, 33, 3), np.float32),
    )
    expected = Expectation.of(replace(made, features=nobody), CALIBRATION.hold_energy)
    assert expected.movement.kind == "routine"
    assert np.isnan(expected.postures.values).all()


@pytest.mark.parametrize(
    ("motion", "kind"),
    [
        (repeated(squat), "repetitions"),
        (repeated(push_up), "repetitions"),
        (held(plank()), "hold"),
        (lambda time_s: squat(time_s / 8), "routine"),
    ],
)
def test_its_kind_is_found(motion, kind):
    assert expectation(motion, 8.0, View(noise_m=0.001)).movement.kind == kind


@pytest.mark.parametrize(
    ("exercise", "rises"),
    [
        (squat, -1),
        (lambda depth: squat(1 - depth), 1),
        (left_raise, 0),
        (lambda depth: jumping_jack(0.1 * depth), 0),
    ],
    ids=["squat", "standing up", "arm", "sideways"],
)
@pytest.mark.parametrize("view", [FRONT, View(mirrored=True), View(turned_deg=90)])
def test_it_knows_whether_the_trunk_rises_on_the_way(exercise, rises, view):
    assert expectation(repeated(exercise, 2.0, rest_s=1.5), 12.0, view).rises == rises


def test_classes_and_embedding_are_the_mean_of_its_windows():
    made = reference(SQUATS, 8.0, kinetics_class=7)
    expected = expectation(SQUATS, 8.0, kinetics_class=7)
    np.testing.assert_allclose(expected.classes, posterior(made.features.logits).mean(axis=0))
    assert expected.classes.sum() == pytest.approx(1)
    assert expected.embedding.argmax() == 7


def test_its_times_are_those_of_the_clip():
    expected = expectation(SQUATS, 8.0)
    assert expected.duration_s == 8.0
    np.testing.assert_allclose(np.diff(expected.times_s), expected.position_s)


def test_what_is_to_be_seen_in_much_of_it_belongs_to_it():
    made = replace(
        reference(held(standing()), 4.0),
        hint_shares={"partial": 0.9, "several": 0.05, "no_person": 0.0},
    )
    assert Expectation.of(made, CALIBRATION.hold_energy).shown_too == {"partial"}
