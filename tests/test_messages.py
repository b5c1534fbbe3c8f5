import json
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posesim.comparison import GapUpdate, ScoreUpdate, Summary
from posesim.scoring import Components
from posesim_server import messages
from posesim_server.messages import (
    MAX_MESSAGE_BYTES,
    BadMessage,
    Bye,
    Ended,
    Gap,
    Hello,
    Ping,
    Pong,
    Score,
    StateChanged,
    SummaryValues,
    Welcome,
    encode,
    gap_message,
    parse_client,
    parse_server,
    score_message,
    summary_values,
)

SAMPLES = json.loads((Path(__file__).parent / "data" / "messages.json").read_text())
COMPONENTS = Components(movement=0.9, timing=0.8, range=0.7)


@pytest.mark.parametrize("sample", SAMPLES["client"], ids=lambda sample: sample["type"])
def test_a_sample_from_the_page_is_read_and_written_unchanged(sample: dict[str, Any]) -> None:
    assert json.loads(encode(parse_client(json.dumps(sample)))) == sample


@pytest.mark.parametrize("sample", SAMPLES["server"], ids=lambda sample: sample["type"])
def test_a_sample_to_the_page_is_read_and_written_unchanged(sample: dict[str, Any]) -> None:
    assert json.loads(encode(parse_server(json.dumps(sample)))) == sample


def test_there_is_a_sample_of_every_message() -> None:
    assert {sample["type"] for sample in SAMPLES["client"]} == types_of(messages.ClientMessage)
    assert {sample["type"] for sample in SAMPLES["server"]} == types_of(messages.ServerMessage)


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
        '{"type":"bye","v":1}\x00',
        "\ud800",
        "[" * 1000,
    ],
)
def test_what_a_page_may_not_send_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadMessage, match=r"^Not a message of version 1 \(hello, ping or bye\): .+"):
        parse_client(text)


def test_a_refusal_does_not_repeat_the_message() -> None:
    with pytest.raises(BadMessage) as refusal:
        parse_client('{"type":"secret-name","v":1,"id":"secret-name"}')
    assert "secret-name" not in str(refusal.value)


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
            st.lists(inner) | st.dictionaries(st.sampled_from(["v", "type", "id", "x"]), inner)
        ),
    ).map(json.dumps)
)
def test_any_text_is_a_message_or_refused(text: str) -> None:
    try:
        message = parse_client(text)
    except BadMessage:
        return
    assert isinstance(message, Hello | Ping | Bye)


@given(st.integers(0, 2**53 - 1))
def test_a_ping_keeps_its_id(ping_id: int) -> None:
    assert parse_client(json.dumps({"v": 1, "type": "ping", "id": ping_id})).id == ping_id


def test_a_score_update_becomes_a_message_with_four_decimals() -> None:
    update = ScoreUpdate(5.440000001, "scoring", 82.123456, COMPONENTS, 2.16, 0.97)
    assert json.loads(encode(score_message(update, seq=17, lag_s=0.4))) == {
        "v": 1,
        "type": "score",
        "seq": 17,
        "t_s": 5.44,
        "state": "scoring",
        "score": 82.1235,
        "components": {"movement": 0.9, "timing": 0.8, "range": 0.7},
        "reference_s": 2.16,
        "tempo": 0.97,
        "lag_s": 0.4,
    }


def test_a_gap_update_becomes_a_message() -> None:
    assert gap_message(GapUpdate(1.0, 2.5, "no_frames"), seq=4) == Gap(
        seq=4, start_s=1.0, end_s=2.5, reason="no_frames"
    )


def test_a_summary_keeps_every_field() -> None:
    summary = Summary(
        score=78.4,
        state="scoring",
        components=COMPONENTS,
        tempo=1.04,
        scored_s=21.4,
        duration_s=27.2,
        best_score=91.2,
        best_s=12.8,
        gaps=1,
    )
    assert summary_values(summary).model_dump() == {
        "score": 78.4,
        "state": "scoring",
        "components": {"movement": 0.9, "timing": 0.8, "range": 0.7},
        "tempo": 1.04,
        "scored_s": 21.4,
        "duration_s": 27.2,
        "best_score": 91.2,
        "best_s": 12.8,
        "gaps": 1,
    }


def test_a_score_that_is_no_number_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="finite"):
        score_message(ScoreUpdate(1.0, "scoring", float("nan"), None, None, None), seq=0, lag_s=0)


LONG = 123456.7891
LONGEST_SUMMARY = SummaryValues(
    score=LONG,
    state="warming_up",
    components=messages.component_values(Components(LONG, LONG, LONG)),
    tempo=LONG,
    scored_s=LONG,
    duration_s=LONG,
    best_score=LONG,
    best_s=LONG,
    gaps=10**6,
)


@pytest.mark.parametrize(
    "message",
    [
        Welcome(
            seq=10**6,
            session_id="3f0c9e0a-5a1c-4d59-9f0e-0d9f5f1f3b11",
            exercise_name="\x01" * 80,  # the longest name in JSON: each is six characters
            reference_duration_s=LONG,
            window_s=2.56,
            hop_s=0.32,
        ),
        score_message(
            ScoreUpdate(LONG, "warming_up", LONG, Components(LONG, LONG, LONG), LONG, LONG),
            seq=10**6,
            lag_s=LONG,
        ),
        Ended(seq=10**6, reason="reference_deleted", summary=LONGEST_SUMMARY),
    ],
    ids=lambda message: message.type,
)
def test_the_longest_message_is_below_a_kibibyte(message: Welcome | Score | Ended) -> None:
    assert len(encode(message).encode()) < 1024


def test_pong_and_state_carry_their_number() -> None:
    assert encode(Pong(seq=3, id=7)) == '{"v":1,"type":"pong","seq":3,"id":7}'
    assert encode(StateChanged(seq=4, t_s=1.0, state="gap")) == (
        '{"v":1,"type":"state","seq":4,"t_s":1.0,"state":"gap"}'
    )
