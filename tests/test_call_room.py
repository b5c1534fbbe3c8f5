"""What a room decides: messages in, effects out, without any network."""

import dataclasses
import json
from typing import Any

import pytest

from posesim_server.calls import effects as do
from posesim_server.calls.messages import parse_client
from posesim_server.calls.room import Known, Room
from posesim_server.calls.seats import AWAY_S
from posesim_server.calls.server_messages import CallItem, CallReference, CallTicket
from posesim_server.calls.streams import MOST_SESSIONS, Stream
from posesim_server.live.outcomes import SummaryValues
from posesim_server.live.server_messages import StateChanged

COACH, MEMBER = 1, 2  # their connections
SQUAT = CallItem(id="e1", name="Squat", kind="repetitions", target=8, start_s=0.0, mirrored=False)
PLANK = CallItem(id="e2", name="Plank", kind="hold", target=30, start_s=0.0, mirrored=False)
KNOWN = Known("Knee", "cora", "mia", admitted=True, program=(SQUAT, PLANK))
SUMMARY = SummaryValues(
    score=80.0,
    state="scoring",
    components=None,
    tempo=None,
    scored_s=9.0,
    duration_s=10.0,
    best_score=None,
    best_s=None,
    gaps=0,
    repetitions=4,
)
PICTURES = StateChanged(seq=0, t_s=0.4, state="scoring")


class Told:
    """A room whose effects are kept, by kind."""

    def __init__(self, known: Known = KNOWN) -> None:
        self.room = Room(known)
        self.effects: list[Any] = []
        self.made = 0

    def both(self) -> "Told":
        """With both there, their cameras on."""
        self.room.join("coach", COACH, None)
        self.room.join("member", MEMBER, None)
        for role in ("coach", "member"):
            self.says(role, "media", camera=True, microphone=True)
        self.drain()
        return self

    def says(self, role: str, type_: str, **fields: Any) -> None:
        self.room.take(role, parse_client(json.dumps({"v": 1, "type": type_, **fields})))

    def drain(self) -> list[Any]:
        self.effects = self.room.effects()
        return self.effects

    def of(self, kind: type) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def sent(self, connection: int, type_: str) -> list[Any]:
        return [
            effect.message
            for effect in self.of(do.Send)
            if effect.connection == connection and effect.message.type == type_
        ]

    def state(self, connection: int = COACH) -> Any:
        (state,) = self.sent(connection, "state")
        return state

    def make(self, stream: Stream, purpose: str = "score") -> str:
        """Answer what was wanted made with a session."""
        self.made += 1
        session_id = f"session {self.made}"
        ticket = CallTicket(
            purpose=purpose,
            id=session_id,
            whip_url="/v1/whip/x",
            token="t",
            expires_in=300,
            ice_servers=[],
            ice_transport_policy="all",
            name="Squat",
        )
        self.room.made(stream, "Squat", ticket)
        return session_id

    def started(self) -> tuple[Stream, str]:
        """With a run of which pictures come."""
        self.says("coach", "start")
        self.drain()
        (wanted,) = self.of(do.MakeScored)
        session_id = self.make(wanted.stream)
        self.room.heard(session_id, PICTURES)
        self.drain()
        return wanted.stream, session_id

    def showing(self) -> tuple[Stream, str]:
        """With the coach's camera as the reference."""
        self.says("coach", "live_reference", on=True)
        self.drain()
        (wanted,) = self.of(do.MakeShown)
        session_id = self.make(wanted.stream, "reference")
        self.room.shows(wanted.stream, True)
        self.drain()
        return wanted.stream, session_id


# Runs


def test_a_run_begins_with_a_ticket_and_runs_when_pictures_come():
    told = Told().both()
    told.says("coach", "start")
    told.drain()
    assert (told.state().run.state, told.state().run.session_id) == ("starting", None)
    (wanted,) = told.of(do.MakeScored)
    assert (wanted.exercise_id, wanted.name, wanted.shown) == ("e1", "Squat", None)
    session_id = told.make(wanted.stream)
    told.drain()
    (ticket,) = told.sent(MEMBER, "ticket")
    assert ticket.id == session_id
    assert told.state().run.state == "starting"
    told.room.heard(session_id, PICTURES)
    told.drain()
    assert told.state().run.state == "running"
    assert told.state(MEMBER) == told.state(COACH)
    (live,) = told.sent(COACH, "live")
    assert (live.session_id, live.message) == (session_id, PICTURES)
    assert told.sent(MEMBER, "live") == []


def test_a_run_is_paused_and_goes_on():
    told = Told().both()
    _, session_id = told.started()
    told.says("coach", "pause")
    told.drain()
    assert told.of(do.PauseSession) == [do.PauseSession(session_id, True)]
    assert told.state().run.state == "paused"
    told.says("coach", "resume")
    told.drain()
    assert told.of(do.PauseSession) == [do.PauseSession(session_id, False)]
    assert told.state().run.state == "running"


def test_a_run_that_is_stopped_is_over_at_once_and_its_result_follows():
    told = Told().both()
    _, session_id = told.started()
    told.says("coach", "stop")
    told.drain()
    assert told.of(do.EndSession) == [do.EndSession(session_id, "coach_stopped")]
    assert told.state().run is None
    assert told.sent(MEMBER, "result") == []
    told.room.session_ended(session_id, "coach_stopped", SUMMARY)
    told.drain()
    for side in (COACH, MEMBER):
        (result,) = told.sent(side, "result")
        assert (result.session_id, result.name, result.summary) == (session_id, "Squat", SUMMARY)
    (result,) = told.state().results
    assert (result.repetitions, result.corrected, result.score) == (4, None, 80.0)


def test_next_stops_the_run_and_chooses_the_next_exercise_without_starting_it():
    told = Told().both()
    _, session_id = told.started()
    told.says("coach", "next")
    told.drain()
    assert told.of(do.EndSession) == [do.EndSession(session_id, "coach_stopped")]
    assert (told.state().run, told.state().current) == (None, 1)
    assert told.of(do.MakeScored) == []
    told.says("coach", "next")
    told.drain()
    (refused,) = told.sent(COACH, "refused")
    assert refused.detail == "This was the last exercise of the program."


def test_a_run_that_is_stopped_before_its_session_is_made_ends_it_when_it_is():
    told = Told().both()
    told.says("coach", "start")
    told.drain()
    (wanted,) = told.of(do.MakeScored)
    told.says("coach", "stop")
    told.drain()
    session_id = told.make(wanted.stream)
    told.drain()
    assert told.of(do.EndSession) == [do.EndSession(session_id, "coach_stopped")]
    assert told.sent(MEMBER, "ticket") == []


def test_a_run_that_can_not_be_says_why_and_is_over():
    told = Told().both()
    told.says("coach", "start")
    told.drain()
    (wanted,) = told.of(do.MakeScored)
    told.room.not_made(wanted.stream, "All places are taken.")
    told.drain()
    (refused,) = told.sent(COACH, "refused")
    assert (refused.of, refused.detail) == ("start", "All places are taken.")
    assert told.state().run is None


def test_the_time_limit_of_a_session_ends_its_run():
    told = Told().both()
    _, session_id = told.started()
    told.room.session_ended(session_id, "expired", SUMMARY)
    told.drain()
    assert told.state().run is None
    assert told.sent(COACH, "result")


def test_runs_are_numbered_on_from_what_was_before():
    told = Told(dataclasses.replace(KNOWN, sessions=3)).both()
    told.says("coach", "start")
    told.drain()
    assert told.state().run.number == 4


@pytest.mark.parametrize(
    ("type_", "fields", "sentence"),
    [
        ("pause", {}, "No exercise is going on."),
        ("resume", {}, "No exercise is going on."),
        ("stop", {}, "No exercise is going on."),
        ("select", {"index": 2}, "There is no such exercise in the program."),
        ("ready", {"camera": True, "microphone": True, "framed": True},
         "Only the member of this call checks their devices here."),
    ],
)  # fmt: skip
def test_what_can_not_be_done_now_is_refused(type_: str, fields: dict[str, Any], sentence: str):
    told = Told().both()
    told.says("coach", type_, **fields)
    told.drain()
    (refused,) = told.sent(COACH, "refused")
    assert (refused.of, refused.detail) == (type_, sentence)
    assert len(told.effects) == 1


def test_while_a_run_is_on_no_other_exercise_is_chosen_or_started():
    told = Told().both()
    told.started()
    for type_, fields in (("select", {"index": 1}), ("start", {})):
        told.says("coach", type_, **fields)
        told.drain()
        (refused,) = told.sent(COACH, "refused")
        assert refused.detail == "An exercise is going on. Stop it first."


# A page that goes and comes


def test_a_member_who_reloads_goes_on_in_another_session_of_the_same_run():
    told = Told().both()
    stream, first = told.started()
    told.room.leave(MEMBER)
    told.room.session_ended(first, "deleted", SUMMARY)
    told.drain()
    assert told.state().run.state == "starting"
    assert told.sent(COACH, "result") == []
    told.room.join("member", 3, None)
    told.drain()
    (wanted,) = told.of(do.MakeScored)
    assert wanted.stream is stream
    assert told.state().run.number == 2
    second = told.make(stream)
    told.drain()
    (ticket,) = told.sent(3, "ticket")
    assert ticket.id == second
    told.says("coach", "stop")
    told.room.session_ended(second, "coach_stopped", SUMMARY)
    told.drain()
    assert [result.session_id for result in told.state().results] == [first, second]


def test_a_session_of_a_page_that_is_gone_is_ended():
    told = Told().both()
    _, session_id = told.started()
    told.room.join("member", 3, None)  # the old socket did not close yet
    told.drain()
    assert told.of(do.PutOut) == [do.PutOut(MEMBER, "replaced")]
    assert told.of(do.EndSession) == [do.EndSession(session_id, "left")]
    assert len(told.of(do.MakeScored)) == 1


def test_a_page_whose_socket_alone_was_lost_keeps_its_session():
    told = Told()
    told.room.join("coach", COACH, None)
    told.room.join("member", MEMBER, None)
    (peer,) = [m for m in [*told.drain()] if m.message.type == "peer" and m.connection == MEMBER]
    told.started()
    told.room.leave(MEMBER)
    told.room.join("member", 3, peer.message.epoch)
    told.drain()
    assert told.of(do.EndSession) == told.of(do.MakeScored) == []
    assert told.state().run.state == "running"


def test_a_stream_that_is_lost_is_asked_for_again_while_the_camera_is_on():
    told = Told().both()
    stream, session_id = told.started()
    told.room.session_ended(session_id, "lost", SUMMARY)
    told.drain()
    (later,) = told.of(do.Later)
    assert told.of(do.MakeScored) == []  # perhaps the page is being reloaded
    told.room.due(later.due)
    told.drain()
    assert [wanted.stream for wanted in told.of(do.MakeScored)] == [stream]


def test_a_stream_whose_camera_is_off_waits_for_it():
    told = Told().both()
    stream, session_id = told.started()
    told.says("member", "media", camera=False, microphone=True)
    told.room.session_ended(session_id, "lost", SUMMARY)
    told.drain()
    told.room.due(told.of(do.Later)[0].due)
    told.drain()
    assert told.of(do.MakeScored) == []
    told.says("member", "media", camera=True, microphone=True)
    told.drain()
    assert [wanted.stream for wanted in told.of(do.MakeScored)] == [stream]


def test_a_paused_run_stays_paused_in_another_session():
    told = Told().both()
    stream, session_id = told.started()
    told.says("coach", "pause")
    told.room.leave(MEMBER)
    told.room.session_ended(session_id, "left", SUMMARY)
    told.room.join("member", 3, None)
    told.drain()
    second = told.make(stream)
    told.drain()
    assert told.of(do.PauseSession) == [do.PauseSession(second, True)]
    assert told.state().run.state == "paused"


def test_a_page_that_comes_and_goes_without_end_ends_the_run():
    told = Told().both()
    stream, _ = told.started()
    for visit in range(MOST_SESSIONS - 1):
        told.room.join("member", 10 + visit, None)
        told.make(stream)
    told.drain()
    told.room.join("member", 100, None)
    told.drain()
    assert told.state().run is None
    assert told.sent(COACH, "refused")[0].of == "start"


def test_who_does_not_come_back_ends_the_run():
    told = Told().both()
    _, session_id = told.started()
    told.room.leave(MEMBER)
    told.drain()
    (later,) = told.of(do.Later)
    assert later.after_s == AWAY_S
    told.room.due(later.due)
    told.drain()
    assert told.of(do.EndSession) == [do.EndSession(session_id, "left")]
    assert told.of(do.Forget) == []
    assert told.state().run is None


def test_who_came_back_in_time_is_not_away():
    told = Told().both()
    told.started()
    told.room.leave(MEMBER)
    told.drain()
    (later,) = told.of(do.Later)
    told.room.join("member", 3, None)
    told.room.leave(3)
    told.drain()
    told.room.due(later.due)  # of the visit before
    assert told.drain() == []


def test_a_room_that_both_left_is_forgotten():
    told = Told().both()
    told.room.leave(COACH)
    told.room.leave(MEMBER)
    told.drain()
    _, second = told.of(do.Later)
    told.room.due(second.due)
    told.drain()
    assert told.of(do.Forget) == [do.Forget()]


# The live reference


def test_what_the_coach_shows_is_followed():
    told = Told().both()
    told.says("coach", "live_reference", on=True)
    told.drain()
    assert told.state().live_reference == "connecting"
    (wanted,) = told.of(do.MakeShown)
    told.make(wanted.stream, "reference")
    told.drain()
    assert told.sent(COACH, "ticket")[0].purpose == "reference"
    told.says("coach", "start")
    told.drain()
    assert told.sent(COACH, "refused")[0].detail == (
        "Your picture has not arrived yet. Wait, or turn the live reference off."
    )
    told.room.shows(wanted.stream, True)
    told.drain()
    assert told.state().live_reference == "on"
    told.says("coach", "start")
    told.drain()
    (scored,) = told.of(do.MakeScored)
    assert (scored.exercise_id, scored.shown) == (None, wanted.stream)
    assert (told.state().run.live, told.state().run.exercise_id) == (True, None)
    told.room.reference_is(CallReference(kind="repetitions", cycle_s=2.4))
    told.drain()
    assert told.state(MEMBER).reference.cycle_s == 2.4


def test_who_shows_no_more_ends_what_follows():
    told = Told().both()
    _, shown = told.showing()
    _, scored = told.started()
    told.says("coach", "live_reference", on=False)
    told.drain()
    assert {each.session_id for each in told.of(do.EndSession)} == {shown, scored}
    assert (told.state().live_reference, told.state().run) == ("off", None)
    told.says("coach", "live_reference", on=False)
    assert told.drain() == []


def test_a_coach_who_reloads_shows_again_when_the_old_stream_has_ended():
    """Two streams of one demonstration would stand in each other's way."""
    told = Told().both()
    stream, shown = told.showing()
    told.started()
    told.room.leave(COACH)
    told.room.join("coach", 3, None)
    told.drain()
    assert told.of(do.EndSession) == [do.EndSession(shown, "left")]
    assert told.of(do.MakeShown) == []
    told.room.shows(stream, False)
    told.room.session_ended(shown, "left", None)
    told.drain()
    assert [wanted.stream for wanted in told.of(do.MakeShown)] == [stream]
    assert told.state(3).live_reference == "connecting"
    assert told.state(3).run.live
    told.make(stream, "reference")
    told.room.shows(stream, True)
    told.drain()
    assert told.sent(3, "ticket")
    assert told.state(3).live_reference == "on"


def test_a_demonstration_that_fails_is_off_and_the_run_with_it():
    told = Told().both()
    _, shown = told.showing()
    _, scored = told.started()
    told.room.session_ended(shown, "failed", None)
    told.drain()
    assert told.of(do.EndSession) == [do.EndSession(scored, "coach_stopped")]
    assert told.state().live_reference == "off"


# Marks, counts, the program


def test_a_mark_belongs_to_the_session_that_is_on():
    told = Told().both()
    _, session_id = told.started()
    told.says("coach", "mark", note="knee", ago_s=1.5)
    told.drain()
    assert told.of(do.AddMark) == [do.AddMark("knee", 1.5, session_id)]


def test_a_corrected_count_is_seen_during_the_run_and_after_it():
    told = Told().both()
    _, session_id = told.started()
    told.room.corrected(session_id, 6)
    told.drain()
    assert told.state(MEMBER).run.corrected == 6
    told.says("coach", "stop")
    told.room.session_ended(session_id, "coach_stopped", SUMMARY)
    told.drain()
    assert told.state().results[0].corrected == 6
    told.room.corrected(session_id, None)
    told.drain()
    assert told.state().results[0].corrected is None


def test_what_was_chosen_stays_chosen_in_another_program():
    told = Told().both()
    told.says("coach", "select", index=1)
    told.room.program_is((PLANK, SQUAT))
    told.drain()
    assert told.state().current == 0
    told.room.program_is((SQUAT,))
    told.drain()
    assert told.state().current == 0
    told.room.program_is(())
    told.drain()
    assert told.state().current is None


# The end


def test_the_end_ends_everything():
    told = Told().both()
    _, shown = told.showing()
    _, scored = told.started()
    told.says("coach", "end")
    told.drain()
    assert told.effects == [do.EndCall()]
    told.room.ended()
    told.drain()
    assert told.of(do.PutOut) == [do.PutOut(COACH, "ended"), do.PutOut(MEMBER, "ended")]
    ended = {(each.session_id, each.reason) for each in told.of(do.EndSession)}
    assert ended == {(shown, "call_ended"), (scored, "call_ended")}
    assert told.of(do.Forget) == [do.Forget()]
    assert told.of(do.Send) == []


def test_who_is_dismissed_during_a_run_ends_it():
    told = Told().both()
    _, session_id = told.started()
    told.room.dismissed()
    told.drain()
    assert told.of(do.EndSession) == [do.EndSession(session_id, "coach_stopped")]
    assert told.of(do.PutOut) == [do.PutOut(MEMBER, "dismissed")]
    assert told.state().phase == "waiting"
