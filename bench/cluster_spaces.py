"""Network namespaces of this machine, each with an address of its own and a cable to be pulled."""

import os
import subprocess


class Namespaces:
    """A bridge of this machine, and namespaces on it."""

    def __init__(self) -> None:
        self._id = os.getpid() % 10_000
        self.subnet = f"10.77.{self._id % 250}"
        self.host = f"{self.subnet}.1"
        self._bridge = f"psbr{self._id}"
        self._addresses: dict[str, str] = {}  # by the name

    def __enter__(self) -> "Namespaces":
        ip("link", "add", self._bridge, "type", "bridge")
        ip("addr", "add", f"{self.host}/24", "dev", self._bridge)
        ip("link", "set", self._bridge, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._addresses:
            ip("netns", "del", self._space(name), check=False)
            ip("link", "del", self._link(name), check=False)  # it goes with it, a moment later
        ip("link", "del", self._bridge, check=False)

    def add(self, name: str) -> str:
        """Make a namespace; return its address."""
        space, link = self._space(name), self._link(name)
        address = self._addresses[name] = f"{self.subnet}.{11 + len(self._addresses)}"
        ip("netns", "add", space)
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        ip("link", "set", link, "master", self._bridge, "up")
        inside = ("-n", space)
        ip(*inside, "addr", "add", f"{address}/24", "dev", "eth0")
        ip(*inside, "link", "set", "eth0", "up")
        ip(*inside, "link", "set", "lo", "up")
        return address

    def address(self, name: str) -> str:
        return self._addresses[name]

    def command(self, name: str) -> list[str]:
        """What begins a command that runs in it."""
        return ["ip", "netns", "exec", self._space(name)]

    def cut(self, name: str) -> None:
        """Pull the cable."""
        ip("link", "set", self._link(name), "down")

    def mend(self, name: str) -> None:
        ip("link", "set", self._link(name), "up")

    def _space(self, name: str) -> str:
        return f"posesim-{self._id}-{name}"

    def _link(self, name: str) -> str:
        return f"ps{self._id}{name}"


def ip(*arguments: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(
            f"ip {' '.join(arguments)}: {done.stderr.strip()}. Run it as root, or with "
            "--three-ports."
        )
