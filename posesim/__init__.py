"""Compare a person's movement with a reference clip."""

__version__ = "0.1.0"
