"""A worker on a thread of the test's own process, so that a test can reach into its engine."""

import os
import socket
import threading

from posesim_server.compute.frames import FrameMemory
from posesim_server.compute.worker import OpenNetwork, work


class ThreadBody:
    """As `posesim_server.compute.workers.ProcessBody`; what a session costs is not measured."""

    def __init__(
        self, open_network: OpenNetwork, link: socket.socket, memory: FrameMemory, cost: bool
    ) -> None:
        self._link = link
        self._thread = threading.Thread(
            target=work,
            args=(open_network, link, FrameMemory(os.dup(memory._handle))),
            kwargs={"cost": False},
            name="worker",
        )
        self._thread.start()

    def kill(self) -> None:
        self._link.shutdown(socket.SHUT_RDWR)

    def join(self, timeout_s: float) -> int | None:
        self._thread.join(timeout_s)
        return None if self._thread.is_alive() else 0
