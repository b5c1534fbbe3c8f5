"""The messages of a call's WebSocket; the page's tests read the same samples."""

import json
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.calls import page_messages, server_messages
from posesim_server.calls.messages import MAX_MESSAGE_BYTES, encode, parse_client, parse_server
from posesim_server.live.messages import BadMessage

SAMPLES = json.loads((Path(__file__).parent / "data" / "call_messages.json").read_text())


def named(sample: dict[str, Any]) -> str:
    return str(sample["type"])


@pytest.mark.parametrize("sample", SAMPLES["client"], ids=named)
def test_a_sample_from_the_page_is_read_and_written_unchanged(sample: dict[str, Any]) -> None:
    written = json.loads(encode(parse_client(json.dumps(sample))))
    assert written == ({"ago_s": 0.0, **sample} if sample["type"] == "mark" else sample)


@pytest.mark.parametrize("sample", SAMPLES["server"], ids=named)
def test_a_sample_to_the_page_is_read_and_written_unchanged(sample: dict[str, Any]) -> None:
    assert json.loads(encode(parse_server(json.dumps(sample)))) == sample


def test_there_is_a_sample_of_every_message() -> None:
    for side, union in (
        ("client", page_messages.ClientMessage),
        ("server", server_messages.ServerMessage),
    ):
        types = {
            typing.get_args(model.model_fields["type"].annotation)[0]
            for model in typing.get_args(union)
        }
        assert {named(sample) for sample in SAMPLES[side]} == types


def test_an_error_never_repeats_what_was_sent() -> None:
    with pytest.raises(BadMessage) as error:
        parse_client('{"v":1,"type":"mark","note":7,"secret":"health"}')
    assert "health" not in str(error.value)
    with pytest.raises(BadMessage, match=f"at most {MAX_MESSAGE_BYTES} bytes, got 70000"):
        parse_client("a" * 70_000)


def test_a_token_and_a_description_are_not_in_what_is_logged() -> None:
    hello = {"v": 1, "type": "hello", "token": "secret", "epoch": None}
    assert "secret" not in repr(parse_client(json.dumps(hello)))
    offer = {"v": 1, "type": "description", "epoch": "e", "kind": "offer", "sdp": "192.0.2.7"}
    assert "192.0.2.7" not in repr(parse_client(json.dumps(offer)))


@given(st.text())
def test_nothing_that_is_sent_raises_anything_else(text: str) -> None:
    with pytest.raises(BadMessage):
        parse_client(text)
