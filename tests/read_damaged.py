"""Read each file named on standard input; say how that ended. Run with little memory."""

import resource
import sys

from posesim.errors import PosesimError
from posesim.video import probe, read_frames

LARGEST_SIDE = 640


def main() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]), int(sys.argv[1])))
    for line in sys.stdin:
        path = line.rstrip("\n")
        print(path, "begins", flush=True)
        said = []
        for read in (probe, drain):
            try:
                read(path)
                said.append("read")
            except PosesimError as error:
                said.append(f"refused: {error}")
        print(path, "|", " | ".join(said).replace("\n", " "), flush=True)


def drain(path: str) -> None:
    for _ in read_frames(path, largest_side=LARGEST_SIDE, longest_s=600):
        pass


if __name__ == "__main__":
    main()
