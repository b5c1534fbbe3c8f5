"""What the network sees in footage, kept in a folder: the slow part of a benchmark."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

from footage import Footage

from posesim.embedding import FeatureStream, Part
from posesim.engines.calls import run
from posesim.framers import open_framer
from posesim.network import Network

Stream = list[Part]


class Streams:
    """Embeds footage once.

    Args:
        network: What sees.
        folder: Where streams are kept.
    """

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self._folder = folder
        self._made_by = hashlib.sha256(repr(network.settings).encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, name: str, footage: Footage) -> Path:
        """The file with what is seen in `footage`, which is read only where there is none yet."""
        kept = self._folder / f"{name.replace('/', '_')}.{self._made_by}.pickle"
        if not kept.exists():
            part = kept.with_suffix(".part")
            part.write_bytes(pickle.dumps(self._see(footage), pickle.HIGHEST_PROTOCOL))
            part.replace(kept)
        return kept

    def _see(self, footage: Footage) -> Stream:
        framer = open_framer(self._network.settings.framing, self._network.poses)
        features = FeatureStream(self._network.engine, framer)
        stream: Stream = []
        for time_s, rgb in footage:
            stream += run(self._network.engine, features.push(time_s, rgb))
        stream += run(self._network.engine, features.finish())
        return stream


def load(path: Path) -> Stream:
    """Read a stream that was kept here: a pickle, so of this machine's own making only."""
    stream: Stream = pickle.loads(path.read_bytes())
    return stream
