"""`python -m posesim_server`: the same as `posesim`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
