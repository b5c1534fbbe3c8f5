"""`posesim embed` and `posesim compare`, as typed."""

import json
import re
from pathlib import Path

import pytest
from videos import sound, stick_figure

from posesim.cli import main
from posesim.references import Reference

pytestmark = [pytest.mark.weights, pytest.mark.slow, pytest.mark.shares]


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=3.5)


@pytest.fixture(scope="module")
def reference(clip) -> Path:
    out = clip.with_name("mine")
    assert main(["embed", str(clip), "--out", str(out)]) == 0
    return out.with_suffix(".npz")


def test_embed_writes_a_reference_named_as_asked(reference):
    assert Reference.load(reference).name == "mine"
    assert Reference.load(reference).duration_s == pytest.approx(3.5, abs=0.1)


def test_compare_prints_json_for_programs(reference, clip, capsys):
    assert main(["compare", str(reference), str(clip), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["state"] == "scoring"
    assert result["score"] > 80
    assert set(result["components"]) == {"movement", "timing", "range"}
    assert result["path"]
    assert result["frames_per_second"] > 0


def test_compare_takes_two_videos_and_prints_a_table(clip, capsys):
    assert main(["compare", str(clip), str(clip)]) == 0
    table = capsys.readouterr().out
    assert re.search(r"^score +\d+ of 100$", table, re.MULTILINE)


@pytest.mark.parametrize("command", ["embed", "compare"])
def test_a_file_without_pictures_is_one_sentence_and_exit_2(command, tmp_path, clip, capsys):
    path = sound(tmp_path / "voice.m4a")
    options = ["--out", str(tmp_path / "voice")] if command == "embed" else [str(clip)]
    assert main([command, str(path), *options]) == 2
    assert "'voice.m4a' has no moving picture" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_said_before_any_work(clip, tmp_path, capsys):
    assert main(["embed", str(clip), "--out", str(tmp_path / "no" / "squat")]) == 2
    assert "Make it, or choose another --out." in capsys.readouterr().err


def test_a_missing_reference_says_how_to_make_one(clip, tmp_path, capsys):
    assert main(["compare", str(tmp_path / "squat.npz"), str(clip)]) == 2
    assert "posesim embed VIDEO --out squat" in capsys.readouterr().err
