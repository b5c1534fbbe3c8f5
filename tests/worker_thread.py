"""A worker on a thread of the test's own process, so that a test can reach into its engine."""

import os
import socket
import threading

from posesim_server.compute.frames import FrameMemory
from posesim_server.compute.protocol import OpenNetwork
from posesim_server.compute.worker import work


class ThreadBody:
    """As `compute.process_link.ProcessBody`; only where it `measures` is a session's cost told."""

    measures = False

    def __init__(
        self, open_network: OpenNetwork, link: socket.socket, memory: FrameMemory, cost: bool
    ) -> None:
        self._link = link
        self._thread = threading.Thread(
            target=work,
            args=(open_network, link, FrameMemory(os.dup(memory._handle))),
            kwargs={"cost": cost and self.measures},
            name="worker",
        )
        self._thread.start()

    def kill(self) -> None:
        self._link.shutdown(socket.SHUT_RDWR)

    def join(self, timeout_s: float) -> int | None:
        self._thread.join(timeout_s)
        return None if self._thread.is_alive() else 0
