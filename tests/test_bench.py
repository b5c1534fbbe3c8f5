"""The benchmark measures what it says and describes the machine."""

import json

import pytest

from posesim.cli import main


@pytest.mark.weights
@pytest.mark.slow
def test_the_benchmark_compares_an_engine_with_the_naive_way(capsys):
    assert main(["bench", "--json", "--rounds", "2", "--engine", "auto"]) == 0
    report = json.loads(capsys.readouterr().out)
    [engine] = report["engines"]
    assert engine["choice"] == "auto"
    assert engine["ratio"] == pytest.approx(report["naive_window_s"] / engine["hop_s"])
    assert min(engine["stem_s"], engine["tail_s"], engine["whole_tail_s"]) > 0
    assert {len(seconds) for seconds in report["all_s"].values()} == {2}
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["openvino"]
    peers = [*report["peers_s"], *report["skipped"]]
    assert len(peers) == 3  # measured, or skipped visibly


def test_the_benchmark_needs_the_weights(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("POSESIM_CACHE", str(tmp_path))
    assert main(["bench"]) == 2
    assert "posesim weights fetch" in capsys.readouterr().err


def test_no_rounds_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--rounds", "0"])
    assert "must be at least 1, got 0" in capsys.readouterr().err
