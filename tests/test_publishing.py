"""What a comparison says reaches the record, whatever becomes of the page."""

import pytest
from live_fakes import FakeChannel, MemoryStore

from posesim.updates import CueUpdate, GapUpdate, RepUpdate
from posesim_server.live.audience import Told
from posesim_server.live.channels import EVENTS_LIMIT_BYTES, Channels, NotReading
from posesim_server.live.outbox import Outbox
from posesim_server.live.page_messages import Hello
from posesim_server.live.publishing import Publisher
from posesim_server.live.record import Record
from posesim_server.metrics import Metrics


async def test_what_a_page_that_does_not_read_misses_is_kept_all_the_same() -> None:
    store, outbox, events = MemoryStore(), Outbox(0), FakeChannel("events")
    outbox.begin()
    channels = Channels(outbox)
    channels.adopt(events)
    channels.welcome(
        Hello(v=1, type="hello"),
        session_id="s-1",
        exercise_name="Squats",
        reference_duration_s=8.4,
        repetitions=0,
        attempts=0,
    )
    record = Record(store, "s-1", 0.0)
    publisher = Publisher(record, Told(None), lambda: channels, Metrics(), lambda _: 0.0)
    events.bufferedAmount = EVENTS_LIMIT_BYTES + 1
    with pytest.raises(NotReading):
        publisher.publish(
            [
                GapUpdate(1.0, 2.0, "overload"),
                RepUpdate(1, 2.0, 3.0, True, 80.0, 0.9, 1.0),
                CueUpdate(3.0, "check", "left_knee"),
            ]
        )
    await record.write_last()
    parts = store.parts
    assert [len(rows) for rows in (parts.gaps, parts.repetitions, parts.cues)] == [1, 1, 1]
