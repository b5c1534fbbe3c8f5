"""The command `posesim`: the library's commands, the server, its users, and its data elsewhere."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from posesim import __version__, cli

from .commands.move import add_move
from .commands.options import BadOption
from .commands.serve import add_serve
from .commands.users import add_user

EXAMPLES = """
  posesim serve                                 serve the page on http://localhost:8080
  posesim serve --demo                          the same, with an account to try it
  posesim user add anna                         make an account (asks for a password)
  posesim user password anna                    give it another password
  posesim user role anna coach                  let it invite members and see their results
  posesim move --to-database postgresql://...   take all data to another database
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    try:
        parser = build_parser(os.environ)
    except BadOption as error:
        print(f"posesim: {error}", file=sys.stderr)
        return cli.EXIT_ERROR
    return cli.run(parser, argv)


def build_parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of all commands; `environment` gives the options' defaults."""
    parser = argparse.ArgumentParser(
        prog="posesim",
        description="Compare a person in front of a webcam with a reference clip, live.",
        epilog=cli.EXAMPLES.rstrip("\n") + EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"posesim {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    cli.add_commands(commands)
    add_serve(commands, environment)
    add_user(commands, environment)
    add_move(commands, environment)
    return parser
