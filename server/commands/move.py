"""`posesim move`: all data to another database."""

import argparse
import asyncio
from collections.abc import Mapping

from posesim import cli

from ..config import ServerConfig
from .options import BadOption, Options
from .storage import add_storage, private_files, storage


def add_move(commands: cli.Subparsers, environment: Mapping[str, str]) -> None:
    """Add it to the commands; `environment` gives the options' defaults."""
    move = commands.add_parser(
        "move",
        help="take all data to PostgreSQL and, if wanted, its files to a bucket",
        description="Copy everything from where `serve` with the same options keeps it to an empty "
        "database, and to a bucket if one is named. Nothing is changed where it was. Stop the "
        "server before.",
        epilog="A password is better in POSESIM_TO_DATABASE_URL than in an option, which every "
        "user of the machine can read. What was moved is used by: posesim serve --database-url "
        "URL --objects s3://bucket/prefix",
    )
    options = Options(move, environment)
    add_storage(options)
    options.add("--to-database", None, str, "where to: the URL of an empty database")
    options.add("--to-objects", None, str, "where files go, s3://bucket/prefix; else they stay")
    options.add(
        "--to-objects-endpoint", options.aws_endpoint, str, "that object store, instead of AWS"
    )
    move.set_defaults(command=_move)


def _move(args: argparse.Namespace) -> int:
    from ..moving.move import move
    from ..moving.report import report

    if args.to_database is None:
        raise BadOption("Say where to: --to-database postgresql://user:password@host/name.")
    source = storage(args)
    try:
        target = ServerConfig(
            data=source.data,
            database_url=args.to_database,
            objects=args.to_objects,
            objects_endpoint=args.to_objects_endpoint or args.objects_endpoint,
        )
    except ValueError as error:
        raise BadOption(f"{error}.".replace("--objects", "--to-objects")) from error
    with private_files():
        moved = asyncio.run(move(source, target))
    print(report(moved, source, target))
    return 0
