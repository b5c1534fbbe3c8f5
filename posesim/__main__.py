"""`python -m posesim`: the library's commands, without the server's."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
