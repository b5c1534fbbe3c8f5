"""posesim in other people's programs: what docs/library.md shows runs, an import does nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_engine import open_fake_network
from videos import stick_figure

import posesim
from posesim import Embedder, Reference, compare
from posesim.errors import NoSuchPart, WeightsNotFound

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
HEAVY = {"av", "cv2", "numpy", "openvino", "torch"}
NETWORK = {"aiohttp", "aiortc", "posesim_server", "pydantic", "requests", "sqlalchemy"}


def modules_after(code: str) -> set[str]:
    """Whose modules a fresh process has after running some code."""
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in result.stdout.split()}


# What an import does


def test_importing_posesim_imports_nothing_heavy():
    assert modules_after("import posesim; dir(posesim)") & (HEAVY | NETWORK) == set()


def test_no_network_code_is_imported_with_the_public_names():
    modules = modules_after("from posesim import *")
    assert modules & NETWORK == set()
    assert modules >= HEAVY  # or nothing was imported at all


def test_the_root_of_errors_is_had_without_the_rest():
    assert modules_after("from posesim import PosesimError") & HEAVY == set()


def test_every_public_name_is_there_and_in_the_document():
    for name in posesim.__all__:
        assert getattr(posesim, name) is not None
    shown = {name for name in posesim.__all__ if name in DOCUMENT}
    assert set(posesim.__all__) - shown == {"Summary", "__version__"}


def test_the_public_names_stay_when_all_modules_are_imported():
    """A module of the same name would take a name's place."""
    code = (
        "import importlib, pkgutil, posesim\n"
        "for module in pkgutil.walk_packages(posesim.__path__, 'posesim.'):\n"
        "    importlib.import_module(module.name)\n"
        "assert callable(posesim.compare) and callable(posesim.Embedder.open)"
    )
    modules_after(code)


def test_another_name_is_refused_as_usual():
    with pytest.raises(ImportError, match="cannot import name 'Embeder'"):
        exec("from posesim import Embeder")


@pytest.mark.slow
@pytest.mark.shares
def test_a_type_checker_knows_the_examples_and_no_other_name(tmp_path):
    for n, example in enumerate(EXAMPLES):
        (tmp_path / f"example_{n}.py").write_text(example)
    (tmp_path / "wrong.py").write_text("from posesim import Embeder\n")
    checker = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    result = subprocess.run(
        [*checker, "--cache-dir", str(tmp_path / "cache"), *map(str, tmp_path.glob("*.py"))],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT)},
    )
    errors = [line for line in result.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, result.stdout
    assert 'Module "posesim" has no attribute "Embeder"' in errors[0]


# The examples


def run_examples(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run them one after the other, as a reader would, where coach.mp4 and user.mp4 are."""
    assert len(EXAMPLES) == 2
    monkeypatch.chdir(folder)
    for n, example in enumerate(EXAMPLES):
        exec(compile(example, f"example {n} of docs/library.md", "exec"), {})


def test_the_examples_run_as_they_stand(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Embedder, "open", lambda: Embedder(open_fake_network()))
    stick_figure(tmp_path / "coach.mp4", seconds=6)
    stick_figure(tmp_path / "user.mp4", seconds=8.5)
    run_examples(tmp_path, monkeypatch)
    first, *lines, last = capsys.readouterr().out.splitlines()
    score, repetitions = first.split()
    assert float(score) > 80
    assert int(repetitions) == 4
    assert [line for line in lines if line.startswith("repetition")] == [
        f"repetition {number}" for number in (1, 2, 3, 4)
    ]
    assert last.startswith(f"Summary(score={score}, state='scoring'")
    assert Reference.load(tmp_path / "coach.npz").name == "coach"


@pytest.mark.weights
@pytest.mark.clips
@pytest.mark.slow
@pytest.mark.shares
def test_the_examples_run_with_real_clips(tmp_path, monkeypatch, capsys, clips):
    (tmp_path / "coach.mp4").symlink_to(clips / "push_up__aisc_C__side.mp4")
    (tmp_path / "user.mp4").symlink_to(clips / "push_up__kg_puB__side.mp4")
    run_examples(tmp_path, monkeypatch)
    first, *_ = capsys.readouterr().out.splitlines()
    score, repetitions = first.split()
    assert float(score) > 50
    assert int(repetitions) > 0


# What the names promise


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return stick_figure(tmp_path_factory.mktemp("clips") / "squat.mp4", seconds=6)


@pytest.fixture
def embedder() -> Embedder:
    return Embedder(open_fake_network())


def test_paths_may_be_text(clip, embedder, tmp_path):
    path = f"{tmp_path}/squat.npz"
    Reference.from_video(str(clip), embedder).save(path)
    assert Reference.load(path).name == "squat"


def test_a_reference_is_named_as_asked(clip, embedder):
    assert Reference.from_video(clip, embedder, name="deep").name == "deep"


def test_a_part_of_a_video_is_compared_with_times_from_its_begin(clip, embedder):
    reference = Reference.from_video(clip, embedder, start_s=1, end_s=5)
    assert reference.duration_s == pytest.approx(4, abs=0.1)
    result = compare(clip, reference, embedder, start_s=2, end_s=5.5)
    assert result.summary.duration_s == pytest.approx(3.5, abs=0.6)
    assert result.updates[0].t_s == 0


def test_a_part_that_is_not_there_is_refused(clip, embedder):
    reference = Reference.from_video(clip, embedder)
    with pytest.raises(NoSuchPart):
        compare(clip, reference, embedder, start_s=100)


def test_progress_is_told_from_0_to_1(clip, embedder):
    seen: list[float] = []
    reference = Reference.from_video(clip, embedder)
    compare(clip, reference, embedder, on_progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)


def test_missing_weights_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("POSESIM_CACHE", str(tmp_path))
    with pytest.raises(WeightsNotFound, match="Get them with: posesim weights fetch"):
        Embedder.open()
