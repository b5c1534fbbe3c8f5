"""What the page translates is what the server says: static/locales/refusals, by the sources."""

import ast
import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from posesim_server.problems import invalid
from server import PASSWORD, problem, running

ROOT = Path(__file__).parents[1]
CATALOGUES = {
    code: json.loads((ROOT / f"static/locales/refusals/{code}.json").read_text("utf-8"))
    for code in ("de", "es")
}
VALUE = "{}"  # for a value of any name

# Sentences that the page does not provoke, or whose values alone say what is wrong.
FOR_PROGRAMS = {
    "{}: A text may not have the character U+0000. Remove it.",
    "Only an admin may be told of everybody's events. Leave out scope to be told of yours.",
    "Send each of the fields {} at most once, and no other.",
    "Send the file as application/json.",
    "Send the file as the field clip, after the others.",
    "Send the files as multipart/form-data.",
    "Send the name and password as a form or as JSON.",
    "Send the request as application/json.",
    "Send the request as {}.",
    "Send the video as the field video.",
    "Send what to compare with once: reference_id, an exercise's id, or reference, a video file.",
    "The If-Match header is not the ETag that came with the answer.",
    "The body may have at most {} bytes.",
    "The request is not a valid form.",
    "The request is not valid JSON.",
    "The upload is not valid multipart/form-data.",
    "There is no such webhook.",
    "This address speaks WebSocket only. Ask with Upgrade.",
    "This is no WebSocket handshake of version 13.",
    "it may not be opened; check its permissions",
    "sessions.{}{}",  # in an import: which field of which session, and pydantic's words
    "there is no such file; check the path",
    "url: {}",
    "{}: {}.",
}


@cache
def trees() -> dict[Path, ast.Module]:
    paths = itertools.chain((ROOT / "server").rglob("*.py"), (ROOT / "posesim").rglob("*.py"))
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted(paths)}


@cache
def constants() -> dict[str, ast.expr]:
    """The texts that modules give a name, by name; the same name in two modules is none here."""
    found: dict[str, list[ast.expr]] = {}
    for tree in trees().values():
        for name, value in named(tree).items():
            found.setdefault(name, []).append(value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


@cache
def named(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.JoinedStr)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def sentences(node: ast.expr, tree: ast.Module) -> list[str]:
    """What an expression may say, with `VALUE` for each value; empty if it is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            said = [sentences(part, tree) for part in parts]
            return ["".join(each) for each in itertools.product(*said)]
        case ast.FormattedValue(value=value):
            return sentences(value, tree) or [VALUE]
        case ast.IfExp(body=one, orelse=other):
            return sentences(one, tree) + sentences(other, tree)
        case ast.Name(id=name):
            value = named(tree).get(name, constants().get(name))
            return [] if value is None else sentences(value, tree)
    return []


def calls(tree: ast.AST) -> Iterator[tuple[str, list[ast.expr]]]:
    """Each call's name and positional arguments; `super().__init__` is called `__init__`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args):
                yield name, args


@cache
def said() -> frozenset[str]:
    """All that the sources have as texts, and pydantic's errors as the server words them."""
    found: set[str] = set()
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                found.update(sentences(node, tree))
        for name, args in calls(tree):
            if name == "PydanticCustomError" and isinstance(args[1], ast.Constant):
                found.add(f"{VALUE}: {nameless(str(args[1].value))}.")
    return frozenset(found)


def nameless(template: str) -> str:
    return re.sub(r"\{\w+\}", VALUE, template)


def fits(template: str, sentence: str) -> bool:
    pattern = ".+".join(map(re.escape, nameless(template).split(VALUE)))
    return re.fullmatch(pattern, sentence) is not None


class Fields(BaseModel):
    """One field for each of pydantic's own refusals that a form may meet."""

    longest: Annotated[str, Field(max_length=2)] = ""
    shortest: Annotated[str, Field(min_length=2)] = "ab"
    empty: Annotated[str, Field(min_length=1)] = "a"
    most: Annotated[int, Field(le=2)] = 2
    least: Annotated[int, Field(ge=2)] = 2


def from_pydantic() -> list[str]:
    found = []
    for given in ({"longest": "abc"}, {"shortest": ""}, {"empty": ""}, {"most": 3}, {"least": 1}):
        with pytest.raises(ValidationError) as refused:
            Fields.model_validate(given)
        found.append(invalid(refused.value).detail)
    return found


@pytest.mark.parametrize("code", CATALOGUES)
def test_what_is_translated_is_said(code):
    unsaid = [key for key in CATALOGUES[code] if nameless(key) not in said()]
    # pydantic says the rest.
    own = from_pydantic()
    assert [key for key in unsaid if not any(fits(key, each) for each in own)] == []
    assert all(any(fits(key, each) for key in unsaid) for each in own)


def test_a_sentence_is_found_by_its_parts():
    tree = ast.parse(
        "AGAIN = 'Try again.'\n"
        'raise Away(f\'You have {n} place{"s" if n > 1 else ""}. {AGAIN} {why!r}\')'
    )
    (args,) = [args for name, args in calls(tree) if name == "Away"]
    assert sentences(args[0], tree) == [
        "You have {} places. Try again. {}",
        "You have {} place. Try again. {}",
    ]


# The errors that are made with their sentence, and at which place they have it.
TOLD = {
    "Problem": 1, "Refused": 0, "CantStart": 0, "BadTrim": 0, "NotUsable": 0, "BadExport": 0,
    "NotAVideo": 1,
}  # fmt: skip


def refusals() -> Iterator[tuple[str, str]]:
    """What is surely told to whoever asked, with the place in the sources."""
    for path, tree in trees().items():
        if path.name == "migrating.py":  # its errors are an operator's, at the start
            continue
        for name, args in calls(tree):
            place = TOLD.get(name)
            if place is not None and len(args) > place:
                for sentence in sentences(args[place], tree):
                    yield sentence, str(path.relative_to(ROOT))


def test_what_is_refused_is_translated_or_for_programs():
    known = {nameless(key) for key in CATALOGUES["de"]} | FOR_PROGRAMS
    assert [each for each in refusals() if each[0] not in known] == []


def test_what_is_for_programs_is_said_and_not_translated():
    told = {sentence for sentence, _ in refusals()}
    assert sorted(FOR_PROGRAMS - told) == []
    assert FOR_PROGRAMS.isdisjoint(map(nameless, CATALOGUES["de"]))


# Whose errors are for people who use the page: each of their classes has one sentence.
FOR_PEOPLE = (
    "server/store", "server/library", "server/calls", "server/privacy/consents.py",
    "server/uploads.py", "server/one_at_a_time.py", "server/objects/base.py",
    "server/background/jobs.py", "server/background/job_drafts.py", "server/live/sessions.py",
    "server/live/plan.py", "server/background/job_progress.py", "server/auth/errors.py",
)  # fmt: skip
# Of these, what only somebody meets who has no page.
WITHOUT_PAGE = {
    "You have {} webhooks, and more are not possible. Delete one first.",
    "A test is on its way already. Look at what came of it first.",
    "What was said does not fit the session {}: it is gone, or something else was stored under the "
    "same numbers.",
    "The session {} goes on elsewhere, or is gone.",
}


def test_errors_for_people_are_translated():
    known = {nameless(key) for key in CATALOGUES["de"]} | WITHOUT_PAGE
    errors = trees()[ROOT / "posesim/errors.py"]
    of_videos = [
        each
        for each in errors.body
        if isinstance(each, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "VideoError" for base in each.bases)
    ]
    assert of_videos
    told = [
        (tree, tree)
        for path, tree in trees().items()
        if path.relative_to(ROOT).as_posix().startswith(FOR_PEOPLE)
    ]
    told += [(each, errors) for each in of_videos]
    assert [
        sentence
        for part, tree in told
        for name, args in calls(part)
        if name == "__init__" and args
        for sentence in sentences(args[0], tree)
        if sentence not in known
    ] == []


async def test_what_a_server_refuses_is_found(tmp_path):
    async with running(tmp_path) as server:
        wrong = await server.client.post("/token", json={"username": "anna", "password": "wrong"})
        assert await problem(wrong, 401) in CATALOGUES["de"]
        short = await server.client.post(
            "/v1/password",
            json={"current_password": PASSWORD, "new_password": "short"},
            headers=server.headers,
        )
        detail = await problem(short, 422)
        assert [key for key in CATALOGUES["de"] if fits(key, detail)] == [
            "A password has at least {least} and at most {most} characters."
        ]
