"""One user against one reference, frame by frame: the same object live and from a file."""

from __future__ import annotations

from posesim.engines.base import Engine
from posesim.expectation import Expectation
from posesim.framers import Framer
from posesim.judge import Judge
from posesim.judged_stream import JudgedStream
from posesim.references import Reference, Settings
from posesim.scoring import Calibration


class Comparator(JudgedStream[Judge]):
    """Compare a stream of frames with a reference.

    Args:
        engine: Runs the network.
        reference: What to compare with.
        settings: What the engine and its weights make.
        calibration: Turns similarities into scores.
        framer: Frames the user, by the rule that the settings name.

    Raises:
        SettingsMismatch: If the reference was made with other settings.
    """

    def __init__(
        self,
        engine: Engine,
        reference: Reference,
        settings: Settings,
        calibration: Calibration,
        framer: Framer,
    ) -> None:
        settings.require(reference.settings, reference.name)
        expected = Expectation.of(reference, calibration.hold_energy)
        super().__init__(engine, framer, Judge(expected, calibration))
