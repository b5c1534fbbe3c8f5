"""Reads an exported history that may be damaged or hostile.

The text is never made objects of as a whole: few bytes of JSON can become a hundred times as many
in memory, and the event loop would stand still meanwhile. Sessions are found in it by their
brackets, and then read one by one, each of a bounded size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from posesim.errors import PosesimError

from ..store.parts import CueRow, GapRow, Parts, RepetitionRow, ScoreRow
from .format import ExportedSession, ExportHeader

MOST_SESSIONS = 50_000
LONGEST_SESSION = 4_000_000  # characters; an hour's session has less than one million
LONGEST_HEADER = 4_000

# A string, with its end if that comes soon, or a bracket. Possessive, so that it never goes back.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.){0,4000}+("?)|[\[\]{}]', re.DOTALL)
_BEFORE_SESSIONS = re.compile(r"\s*:\s*")
_COMMA = re.compile(r"\s*,\s*")
_SPACE = re.compile(r"\s*")


class BadExport(PosesimError):
    """A file that is no export of this format."""


@dataclass(frozen=True)
class Export:
    """A text that begins as an export does, and where in it each session lies."""

    text: str
    spans: list[tuple[int, int]]

    def sessions(self, first: int = 0, count: int | None = None) -> Iterator[ExportedSession]:
        """Read some of the sessions.

        Raises:
            BadExport: At the first one that does not fit.
        """
        last = len(self.spans) if count is None else first + count
        for number, (begin, end) in enumerate(self.spans[first:last], first):
            try:
                yield ExportedSession.model_validate_json(self.text[begin:end])
            except ValidationError as error:
                raise BadExport(f"sessions.{number}{_first(error)}") from error


def open_export(raw: bytes) -> Export:
    """Find the sessions in an export; they are not looked at yet.

    Raises:
        BadExport: If it is none, or too much.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadExport("The file is no export: it is not UTF-8 text.") from error
    begin, end, spans = _find_sessions(text)
    if begin + len(text) - end > LONGEST_HEADER:
        raise BadExport("The file is no export: there is too much around its sessions.")
    try:
        ExportHeader.model_validate_json(text[:begin] + text[end:])
    except ValidationError as error:
        raise BadExport(
            f"The file is no export that this version can read{_first(error)}"
        ) from error
    return Export(text, spans)


def parts_of_export(session: ExportedSession) -> Parts:
    """What was said in a session, as rows."""
    return Parts(
        scores=tuple(ScoreRow(seq, *values) for seq, values in enumerate(session.scores)),
        repetitions=tuple(RepetitionRow(**each.model_dump()) for each in session.repetitions),
        gaps=tuple(GapRow(seq, **each.model_dump()) for seq, each in enumerate(session.gaps)),
        cues=tuple(CueRow(seq, **each.model_dump()) for seq, each in enumerate(session.cues)),
    )


def _find_sessions(text: str) -> tuple[int, int, list[tuple[int, int]]]:
    """Where the list of sessions begins and ends, without its brackets, and where each one lies."""
    tokens = _tokens(text)
    depth = 0
    for token in tokens:
        match token[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
            case '"sessions"' if depth == 1:
                colon = _BEFORE_SESSIONS.match(text, token.end())
                opening = next(tokens, None)
                if colon and opening and opening[0] == "[" and opening.start() == colon.end():
                    spans, end = _find_objects(text, opening.end(), tokens)
                    return opening.end(), end, spans
                break
    raise BadExport("The file is no export: it has no list of sessions.")


def _tokens(text: str) -> Iterator[re.Match[str]]:
    for token in _TOKEN.finditer(text):
        if token[1] == "":  # each quotation mark in it would be looked at as a begin
            raise BadExport("The file is no export: a text in it is too long, or has no end.")
        yield token


def _find_objects(
    text: str, begin: int, tokens: Iterator[re.Match[str]]
) -> tuple[list[tuple[int, int]], int]:
    """Where each object of a list lies that begins there, and where the list ends."""
    spans: list[tuple[int, int]] = []
    depth = 0
    expected = _skip(_SPACE, text, begin)  # where the next object must begin
    start = 0
    for token in tokens:
        match token[0]:
            case "{" | "[":
                if depth == 0:
                    start = token.start()
                    if token[0] != "{" or start != expected:
                        break
                depth += 1
            case "}" | "]" if depth > 0:
                depth -= 1
                if token.end() - start > LONGEST_SESSION:
                    raise BadExport(f"sessions.{len(spans)}: This session is too long.")
                if depth == 0:
                    spans.append((start, token.end()))
                    expected = _skip(_COMMA, text, token.end())
                    if len(spans) > MOST_SESSIONS:
                        raise BadExport(f"An import takes at most {MOST_SESSIONS} sessions.")
            case "]":
                last = spans[-1][1] if spans else begin
                if _skip(_SPACE, text, last) == token.start():
                    return spans, token.start()
                break
            case _ if depth == 0:
                break
    raise BadExport("The file is no export: its list of sessions is damaged.")


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else -1


def _first(error: ValidationError) -> str:
    """What did not fit first, without the input's own words."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{'.' if place else ''}{place}: {first['msg'].removeprefix('Value error, ')}."
