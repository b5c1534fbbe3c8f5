"""Where everything is kept, as commands are told."""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_data_path

from ..config import ServerConfig
from .options import BadOption, Options


def add_storage(options: Options) -> None:
    """Add what `storage` reads."""
    options.add("--data", user_data_path("posesim"), Path, "folder of everything that is kept")
    options.add("--database-url", None, str, "PostgreSQL, instead of SQLite in that folder")
    options.add(
        "--objects", None, str, "where files are kept, s3://bucket/prefix, instead of there"
    )
    options.add("--objects-endpoint", options.aws_endpoint, str, "the object store, instead of AWS")


def storage(args: argparse.Namespace) -> ServerConfig:
    """Where everything is kept."""
    try:
        return ServerConfig(
            data=args.data,
            database_url=args.database_url,
            objects=args.objects,
            objects_endpoint=args.objects_endpoint,
        )
    except ValueError as error:
        raise BadOption(f"{error}.") from error


@contextlib.contextmanager
def private_files() -> Iterator[None]:
    """Make every new file readable by its owner alone, also in a folder that others may enter."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
