import os
import subprocess
import sys
from pathlib import Path

# The server's package, what only it may use, and what reports to others over the network.
NOT_FOR_THE_LIBRARY = {
    "aiohttp", "aioice", "aiortc", "aiosqlite", "alembic", "argon2", "jwt", "openvino_telemetry",
    "posesim_server", "pydantic", "server", "sqlalchemy", "structlog",
}  # fmt: skip

IMPORT_ALL = """
import importlib, pkgutil, sys, threading
import posesim
for module in pkgutil.walk_packages(posesim.__path__, "posesim."):
    importlib.import_module(module.name)
    print("imported", module.name)
print("threads", threading.active_count())
print(*sorted({name.partition(".")[0] for name, module in sys.modules.items() if module}))
"""


def import_all(home: Path) -> list[str]:
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TMPDIR": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("CI", None)  # some libraries report home only outside of CI
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        capture_output=True,
        text=True,
        check=True,
        cwd=home,
        env=environment,
    )
    return result.stdout.splitlines()


def test_importing_the_library_does_nothing_and_needs_no_server(tmp_path: Path):
    *_, threads, modules = lines = import_all(tmp_path)

    assert "imported posesim.weights" in lines
    assert "imported posesim.cli" in lines
    assert NOT_FOR_THE_LIBRARY & set(modules.split()) == set()
    assert threads == "threads 1"
    assert list(tmp_path.iterdir()) == []


def test_the_library_names_no_event_loop():
    library = Path(__file__).parents[1] / "posesim"
    using = [p.name for p in library.rglob("*.py") if "asyncio" in p.read_text(encoding="utf-8")]
    assert using == []
