import json
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim_server.live import page_messages, server_messages
from posesim_server.live.messages import (
    MAX_MESSAGE_BYTES,
    BadMessage,
    encode,
    parse_client,
    parse_server,
)
from posesim_server.live.outcomes import SummaryValues
from posesim_server.live.page_messages import Bye, Clock, Hello, Ping, Renew
from posesim_server.live.server_messages import Pong, StateChanged

SAMPLES = json.loads((Path(__file__).parent / "data" / "messages.json").read_text())
NEWER = {"repetitions", "attempts", "held_s"}


@pytest.mark.parametrize("sample", SAMPLES["client"], ids=lambda sample: sample["type"])
def test_a_sample_from_the_page_is_read_and_written_unchanged(sample: dict[str, Any]) -> None:
    assert json.loads(encode(parse_client(json.dumps(sample)))) == sample


@pytest.mark.parametrize("sample", SAMPLES["server"], ids=lambda sample: sample["type"])
def test_a_sample_to_the_page_is_read_and_written_unchanged(sample: dict[str, Any]) -> None:
    assert json.loads(encode(parse_server(json.dumps(sample)))) == sample


def test_there_is_a_sample_of_every_message() -> None:
    assert {sample["type"] for sample in SAMPLES["client"]} == types_of(page_messages.ClientMessage)
    assert {sample["type"] for sample in SAMPLES["server"]} == types_of(
        server_messages.ServerMessage
    )


def types_of(union: Any) -> set[str]:
    return {
        typing.get_args(model.model_fields["type"].annotation)[0]
        for model in typing.get_args(union)
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "NaN",
        '"hello"',
        '{"type":"hello","v":2}',
        '{"type":"hello","v":"1"}',
        '{"type":"hello"}',
        '{"type":"hello","v":1,"token":"x"}',
        '{"type":"ended","v":1}',
        '{"type":"score","v":1}',
        '{"v":1}',
        '{"type":"ping","v":1}',
        '{"type":"ping","v":1,"id":-1}',
        '{"type":"ping","v":1,"id":1.5}',
        '{"type":"ping","v":1,"id":"1"}',
        '{"type":"ping","v":1,"id":9007199254740992}',
        '{"type":"clock","v":1}',
        '{"type":"clock","v":1,"reference_s":2.4}',
        '{"type":"clock","v":1,"reference_s":null}',
        '{"type":"clock","v":1,"reference_s":null,"rate":1.0}',
        '{"type":"clock","v":1,"reference_s":2.4,"rate":null}',
        '{"type":"clock","v":1,"reference_s":"2.4","rate":1.0}',
        '{"type":"clock","v":1,"reference_s":true,"rate":1.0}',
        '{"type":"clock","v":1,"reference_s":-0.1,"rate":1.0}',
        '{"type":"clock","v":1,"reference_s":86400.1,"rate":1.0}',
        '{"type":"clock","v":1,"reference_s":2.4,"rate":-0.1}',
        '{"type":"clock","v":1,"reference_s":2.4,"rate":4.1}',
        '{"type":"clock","v":1,"reference_s":NaN,"rate":1.0}',
        '{"type":"clock","v":1,"reference_s":2.4,"rate":Infinity}',
        '{"type":"clock","v":1,"reference_s":1e999,"rate":1.0}',
        '{"type":"clock","v":1,"reference_s":2.4,"rate":1.0,"at_s":1.0}',
        '{"type":"renew","v":1}',
        '{"type":"renew","v":1,"token":null}',
        '{"type":"renew","v":1,"token":7}',
        '{"type":"renew","v":1,"token":"x","session":"y"}',
        '{"type":"bye","v":1}\x00',
        "\ud800",
        "[" * 1000,
    ],
)
def test_what_a_page_may_not_send_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(
        BadMessage, match=r"^Not a message of version 1 \(hello, ping, clock, renew or bye\): .+"
    ):
        parse_client(text)


def test_a_refusal_does_not_repeat_the_message() -> None:
    with pytest.raises(BadMessage) as refusal:
        parse_client('{"type":"secret-name","v":1,"id":"secret-name"}')
    assert "secret-name" not in str(refusal.value)


def test_a_token_is_not_shown_in_a_log() -> None:
    assert "secret" not in repr(parse_client('{"type":"renew","v":1,"token":"secret"}'))


def test_a_binary_message_is_refused() -> None:
    with pytest.raises(BadMessage, match="as a string, not as binary"):
        parse_client(b'{"v":1,"type":"hello"}')


def test_a_message_above_the_limit_is_refused_before_it_is_read() -> None:
    padded = '{"v":1,"type":"hello"}'.ljust(MAX_MESSAGE_BYTES)
    assert parse_client(padded) == Hello(v=1, type="hello")
    with pytest.raises(BadMessage, match="at most 1024 bytes, got 1025"):
        parse_client(padded + " ")


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["v", "type", "id", "reference_s", "rate", "token"]), inner
            )
        ),
    ).map(json.dumps)
)
def test_any_text_is_a_message_or_refused(text: str) -> None:
    try:
        message = parse_client(text)
    except BadMessage:
        return
    assert isinstance(message, Hello | Ping | Clock | Renew | Bye)


@given(st.integers(0, 2**53 - 1))
def test_a_ping_keeps_its_id(ping_id: int) -> None:
    assert parse_client(json.dumps({"v": 1, "type": "ping", "id": ping_id})).id == ping_id


@given(st.floats(0, 86400), st.floats(0, 4))
def test_a_clock_keeps_its_numbers(reference_s: float, rate: float) -> None:
    sent = {"v": 1, "type": "clock", "reference_s": reference_s, "rate": rate}
    assert json.loads(encode(parse_client(json.dumps(sent)))) == sent


def test_a_summary_of_before_repetitions_were_counted_can_be_read() -> None:
    (sample,) = [s for s in SAMPLES["server"] if s["type"] == "ended" and s["reason"] == "deleted"]
    old = {k: v for k, v in sample["summary"].items() if k not in NEWER}
    read = SummaryValues.model_validate(old)
    assert (read.repetitions, read.attempts, read.held_s) == (0, 0, None)


@pytest.mark.parametrize(
    "change",
    [
        {"points": [500] * 65},
        {"points": [500] * 67},
        {"points": [2001] * 66},
        {"points": [-1001] * 66},
        {"points": [0.5] * 66},
        {"parts": ["nose"]},
    ],
)
def test_a_pose_of_another_form_is_our_mistake(change: dict[str, Any]) -> None:
    sample = next(sample for sample in SAMPLES["server"] if sample["type"] == "pose")
    with pytest.raises(ValueError, match="validation error"):
        parse_server(json.dumps(sample | change))


def test_pong_and_state_carry_their_number() -> None:
    assert encode(Pong(seq=3, id=7)) == '{"v":1,"epoch":0,"type":"pong","seq":3,"id":7}'
    assert encode(StateChanged(seq=4, t_s=1.0, state="gap")) == (
        '{"v":1,"epoch":0,"type":"state","seq":4,"t_s":1.0,"state":"gap"}'
    )
