"""Run pytest, and the few tests that fail in it once more, by themselves.

    python tests/second_try.py -m "slow or browser"

Hundreds of tests run real browsers, networks and clocks, and on a busy machine one of them is
disturbed now and then. What fails again has failed. What passes then is named at the end, below the
whole report of its failure: it wants to be looked at, but is no reason to withhold everything else.
More than `AT_MOST` failures are no disturbance, and an error before the tests is none either.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

AT_MOST = 3


def run(arguments: Sequence[str], cache: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    return subprocess.run(command, check=False).returncode


def failed(cache: Path) -> list[str]:
    """The tests that failed. None, if pytest could not write them down before it ended."""
    try:
        return sorted(json.loads((cache / "v/cache/lastfailed").read_text()))
    except FileNotFoundError:
        return []


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        code = run(arguments, Path(folder, "first"))
        tests = failed(Path(folder, "first"))
        if code != pytest.ExitCode.TESTS_FAILED or not 0 < len(tests) <= AT_MOST:
            return code
        print("Once more, by themselves:", *tests, sep="\n  ", flush=True)
        if code := run(tests, Path(folder, "second")):
            return code
    print("FAILED ONCE, and passed by themselves:", *tests, sep="\n  ", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
