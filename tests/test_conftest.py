import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NEEDY_TESTS = """
import pytest
@pytest.mark.weights
def test_weights(): pass
@pytest.mark.clips
def test_clips(): pass
@pytest.mark.browser
def test_browser(): pass
"""
NOWHERE = {"POSESIM_CACHE": "/nowhere", "POSESIM_CLIPS": "/nowhere", "PATH": "/nowhere"}
REMEDIES = ("posesim weights fetch", "POSESIM_CLIPS", "install chromium")


def run_where_all_is_missing(folder: Path, required: str) -> tuple[int, str]:
    """Run marked tests under our conftest.py on a machine that has nothing."""
    shutil.copy(HERE / "conftest.py", folder)  # what it imports stays beside it
    (folder / "test_needy.py").write_text(NEEDY_TESTS)
    requirements = dict.fromkeys(
        ("POSESIM_REQUIRE_WEIGHTS", "POSESIM_REQUIRE_CLIPS", "POSESIM_REQUIRE_BROWSER"), required
    )
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", HERE.parent / "pyproject.toml", folder],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **NOWHERE, **requirements, "PYTHONPATH": str(HERE)},
    )
    return result.returncode, result.stdout


@pytest.mark.parametrize(
    ("required", "code", "outcome"), [("0", 0, "3 skipped in"), ("1", 1, "3 errors in")]
)
def test_what_is_missing_is_a_skip_here_and_a_failure_where_required(
    tmp_path: Path, required: str, code: int, outcome: str
):
    actual, output = run_where_all_is_missing(tmp_path, required)
    assert actual == code
    assert outcome in output
    assert all(remedy in output for remedy in REMEDIES)
