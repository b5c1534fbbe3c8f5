"""What is said of a move that was made: how much, and what to start next."""

from ..config import ServerConfig
from ..database import parse
from .files import MovedFiles
from .move import Moved


def report(moved: Moved, source: ServerConfig, target: ServerConfig) -> str:
    """Say it, for a terminal. Passwords are not shown."""
    widths = max(map(len, moved.rows)), max(len(str(count)) for count in moved.rows.values())
    lines = [f"{name:{widths[0]}}  {count:{widths[1]}}" for name, count in moved.rows.items()]
    lines.append(f"Moved {sum(moved.rows.values())} rows of {len(moved.rows)} tables.")
    if moved.files:
        lines += _of_files(moved.files)
    else:
        lines.append("Files stay where they are.")
    lines += [
        "Nothing was changed where all of it was. From now on start the server with:",
        "  " + " ".join(_options(source, target)),
        f"On another machine its data folder needs the file {source.data / 'secret'}, or everybody "
        "has to sign in again.",
    ]
    return "\n".join(lines)


def _of_files(files: MovedFiles) -> list[str]:
    lines = [
        f"Moved {files.count} files ({files.size_bytes / 1e6:.1f} MB); {files.were_there} of them "
        "were there already. Each was read back and compared."
    ]
    if files.not_known:
        lines.append(f"Files that no row knows, left where they are: {files.not_known}.")
    if files.others:
        lines.append(
            f"Other files in the bucket: {files.others}. If an earlier try left them, delete them: "
            "the server never will."
        )
    return lines


def _options(source: ServerConfig, target: ServerConfig) -> list[str]:
    shown = parse(target.database).render_as_string(hide_password=True)
    options = [f"POSESIM_DATABASE_URL='{shown}'", "posesim serve", f"--data {source.data}"]
    files = target if target.objects else source
    if files.objects:
        options.append(f"--objects {files.objects}")
        if files.objects_endpoint:
            options.append(f"--objects-endpoint {files.objects_endpoint}")
    return options
