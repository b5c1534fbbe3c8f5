"""The amounts in docs/scale.md are what bench/scale.py computes of the figures that it names."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "scale.md").read_text()


def computed(*arguments: str) -> str:
    program = [sys.executable, ROOT / "bench" / "scale.py", *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout


def cell(text: str, row: str) -> str:
    (found,) = re.findall(rf"^\| {re.escape(row)} \| ([^|]+) \|", text, re.MULTILINE)
    return str(found)


def test_the_page_has_the_tables_that_are_computed():
    for table in computed().strip().split("\n\n"):
        assert table in GUIDE


def test_a_session_that_takes_half_as_much_lets_a_machine_serve_twice_as_many():
    # 0.75 of 16 cores: 13 sessions of 0.86, and 18 of 0.64; then the event loop is the limit.
    half = ["--network-cores", "0.295", "--around-cores", "0.135"]
    assert cell(computed("1000"), "**on processors**: nodes") == "85"
    assert cell(computed("1000", *half), "**on processors**: nodes") == "59"  # 19 each, of 27
    loop = ["--loop-share", "1"]
    assert cell(computed("1000", *half, *loop), "**on processors**: nodes") == "42"  # 27 each


def test_there_is_one_machine_more_than_needed_at_least():
    assert cell(computed("1"), "**on processors**: nodes") == "2"
    assert cell(computed("13"), "**on processors**: nodes") == "2"
    assert cell(computed("14"), "**on processors**: nodes") == "3"


def test_the_largest_bitrate_is_the_page_s():
    bits_s = re.search(r"MAX_BITRATE = ([\d_]+);", (ROOT / "static" / "link.js").read_text())
    assert bits_s
    assert f"at most {int(bits_s[1]) / 1000:.0f}" in cell(computed(), "from the page")


def test_rows_are_written_as_many_at_a_time_as_the_server_does():
    rows = re.search(r"^ROWS_A_WRITE = (\d+)", (ROOT / "server/live/record.py").read_text(), re.M)
    assert rows
    assert f"{25 / 8 / int(rows[1]):.2f} a second" in computed()


def test_the_guide_names_files_that_are_there():
    for link in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert link.startswith("https:") or (ROOT / "docs" / link).exists(), link
