"""What fails twice has failed; what fails once is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("second_try.py")
PASSES = "def test_good(): pass\n"
FAILS = "def test_bad(): assert False\n"
FAILS_ONCE = """
from pathlib import Path
def test_disturbed():
    before = Path(__file__).with_name("before")
    if not before.exists():
        before.touch()
        raise AssertionError("disturbed")
"""
FAILS_ONCE_AT_ITS_END = """
import pytest
from pathlib import Path
@pytest.fixture
def left_over():
    yield
    before = Path(__file__).with_name("before")
    if not before.exists():
        before.touch()
        raise AssertionError("left over")
def test_disturbed(left_over): pass
"""


@pytest.fixture
def tests_are(tmp_path):
    """Run the given tests, and return the exit code and what was printed."""

    def tests_are(text: str, *arguments: str) -> tuple[int, str]:
        (tmp_path / "pytest.ini").touch()
        (tmp_path / "test_some.py").write_text(text)
        done = subprocess.run(
            [sys.executable, SCRIPT, *arguments],
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # which take seconds
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    return tests_are


def test_what_passes_is_run_once(tests_are):
    code, printed = tests_are(PASSES)
    assert (code, printed.count("1 passed"), "nce more" in printed) == (0, 1, False)


def test_what_fails_twice_has_failed(tests_are):
    code, printed = tests_are(PASSES + FAILS)
    assert (code, printed.count("1 failed")) == (1, 2)
    assert "FAILED ONCE" not in printed


@pytest.mark.parametrize("text", [FAILS_ONCE, FAILS_ONCE_AT_ITS_END])
@pytest.mark.parametrize("arguments", [(), ("-p", "xdist", "--numprocesses=2")], ids=["one", "two"])
def test_what_fails_once_passes_and_is_named(tests_are, text, arguments):
    code, printed = tests_are(PASSES + text, *arguments)
    assert code == 0
    assert printed.endswith(
        "FAILED ONCE, and passed by themselves:\n  test_some.py::test_disturbed\n"
    )
    assert "AssertionError" in printed


def test_of_two_tries_both_must_pass_for_each(tests_are):
    assert tests_are(FAILS_ONCE + FAILS)[0] == 1


def test_many_failures_are_no_disturbance(tests_are):
    code, printed = tests_are("".join(FAILS.replace("bad", f"bad_{each}") for each in range(4)))
    assert (code, printed.count("4 failed"), "nce more" in printed) == (1, 1, False)


def test_a_process_that_dies_has_failed(tests_are):
    code, printed = tests_are("import os\ndef test_dies(): os._exit(1)\n")
    assert (code, "nce more" in printed) == (1, False)


@pytest.mark.parametrize(
    ("text", "arguments", "expected"),
    [
        ("import no_such_module\n", (), pytest.ExitCode.INTERRUPTED),
        (PASSES, ("-k", "no_such_test"), pytest.ExitCode.NO_TESTS_COLLECTED),
        (PASSES, ("--no-such-option",), pytest.ExitCode.USAGE_ERROR),
    ],
)
def test_other_errors_are_passed_on(tests_are, text, arguments, expected):
    assert tests_are(text, *arguments)[0] == expected
