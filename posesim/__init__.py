"""Compare a person's movement with a reference clip.

What programs use is named here, and imported when it is first asked for: importing posesim does
nothing. docs/library.md shows how.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posesim.comparison import Comparator
    from posesim.errors import PosesimError
    from posesim.library import Embedder, compare
    from posesim.references import Reference
    from posesim.updates import (
        CueUpdate,
        GapUpdate,
        PoseUpdate,
        RepUpdate,
        ScoreUpdate,
        Summary,
        Update,
    )
    from posesim.video_comparison import Comparison

__version__ = "0.1.0"
__all__ = [
    "Comparator",
    "Comparison",
    "CueUpdate",
    "Embedder",
    "GapUpdate",
    "PoseUpdate",
    "PosesimError",
    "Reference",
    "RepUpdate",
    "ScoreUpdate",
    "Summary",
    "Update",
    "__version__",
    "compare",
]

_HOMES = {
    "Comparator": "posesim.comparison",
    "Comparison": "posesim.video_comparison",
    "CueUpdate": "posesim.updates",
    "Embedder": "posesim.library",
    "GapUpdate": "posesim.updates",
    "PoseUpdate": "posesim.updates",
    "PosesimError": "posesim.errors",
    "Reference": "posesim.references",
    "RepUpdate": "posesim.updates",
    "ScoreUpdate": "posesim.updates",
    "Summary": "posesim.updates",
    "Update": "posesim.updates",
    "compare": "posesim.library",
}

if not TYPE_CHECKING:  # or a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
