"""What tells the connections to rooms from each other."""

import itertools

_numbers = itertools.count(1)


def next_number() -> int:
    """A number that no other connection of this process has."""
    return next(_numbers)
