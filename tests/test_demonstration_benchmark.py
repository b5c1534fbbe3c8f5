"""The measures of bench/demonstration.py, on planted answers. Its modules have names of ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
CODE = """
import json
from pathlib import Path
import numpy as np
from demonstration import chosen
from followers import as_shown
from footage import Clip
from posesim.embedding import Features
from posesim.engines.base import Window
from posesim.timebase import Gap

window = Window(np.zeros(2, np.float32), np.zeros(2, np.float32))
chunk = Features(0.0, np.zeros(4), np.zeros((4, 1), np.float32), window)
stream = [*[chunk] * 6, Gap(1.0, 2.0, "no_frames"), *[chunk] * 5]
clips = [
    Clip(Path(f"{exercise}_{person}.mp4"), exercise, person, "", (), None)
    for exercise, person in (("squat", "A"), ("squat", "A"), ("lunge", "A"), ("squat", "B"),
                             ("squat", "C"), ("plank", "B"))
]
several, others = chosen(clips, 2, 1)
print(json.dumps({
    "windows": [n for n, part in enumerate(as_shown(stream)) if getattr(part, "window", None)],
    "demonstrators": [clip.name for clip in several],
    "others": [clip.name for clip in others],
}))
"""


@pytest.fixture(scope="module")
def measured():
    result = subprocess.run(
        [sys.executable, "-c", CODE], cwd=BENCH, capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


def test_a_demonstrators_windows_are_as_few_as_a_demonstrator_makes(measured):
    assert measured["windows"] == [3, 10]


def test_those_who_show_an_exercise_are_different_people_and_several(measured):
    assert measured["demonstrators"] == ["squat_A", "squat_B"]
    assert measured["others"] == ["lunge_A"]
