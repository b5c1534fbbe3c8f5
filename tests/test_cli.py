import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from posesim import cli
from posesim.errors import PosesimError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("POSESIM_CACHE", str(folder))
    return folder


def parser_running(command) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.set_defaults(command=command)
    return parser


def test_an_error_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]):
    def fail(_args: argparse.Namespace) -> int:
        raise PosesimError("Turn it off and on again.")

    assert cli.run(parser_running(fail), []) == 2
    assert capsys.readouterr().err == "posesim: Turn it off and on again.\n"


def test_ctrl_c_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]):
    def interrupt(_args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    assert cli.run(parser_running(interrupt), []) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_command_decides_its_own_exit_code():
    assert cli.run(parser_running(lambda _args: 7), []) == 7


def test_a_mistake_of_ours_keeps_its_traceback():
    def mistaken(_args: argparse.Namespace) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.run(parser_running(mistaken), [])


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    assert "posesim weights fetch" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["weights"], ["nonsense"]])
def test_a_missing_or_unknown_command_is_exit_code_2(argv: list[str]):
    with pytest.raises(SystemExit, match="2"):
        cli.main(argv)


def test_help_does_not_wait_for_the_network_library():
    code = "import posesim.cli, sys; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"


def test_weights_path_is_in_the_cache(cache: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["weights", "path"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == cache / "weights" / "i3d-kinetics-400.safetensors"
    assert not cache.exists()


def test_weights_verify_says_how_to_get_absent_ones(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["weights", "verify"]) == 2
    assert "posesim weights fetch" in capsys.readouterr().err


def test_weights_fetch_refuses_another_file(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = tmp_path / "other.ckpt"
    other.write_bytes(b"not a checkpoint")
    assert cli.main(["weights", "fetch", "--from-file", str(other)]) == 2
    assert "does not have the expected sha256" in capsys.readouterr().err
    assert list((cache / "weights").iterdir()) == []


def test_a_wheel_is_taken_for_the_pose_networks(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = tmp_path / "mediapipe.whl"
    other.write_bytes(b"not that wheel")
    assert cli.main(["weights", "fetch", "--from-file", str(other)]) == 2
    assert "mediapipe.whl does not have the expected sha256" in capsys.readouterr().err
    assert list((cache / "weights").iterdir()) == []


def test_two_files_for_the_same_weights_are_refused(capsys: pytest.CaptureFixture[str]):
    argv = ["weights", "fetch", "--from-file", "a.whl", "--from-file", "b.whl"]
    assert cli.main(argv) == 2
    assert "once with a .whl" in capsys.readouterr().err


@pytest.mark.weights
def test_weights_fetch_has_nothing_to_do_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.undo()  # the real cache
    assert cli.main(["weights", "fetch"]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert cli.main(["weights", "verify"]) == 0


def test_the_module_runs_as_a_program():
    result = subprocess.run(
        [sys.executable, "-m", "posesim", "weights", "verify"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
