"""Whatever somebody in a call writes to its WebSocket, the other person is not disturbed."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from call_page import Appointment, Closed, Page, appointment, call_token
from drawn import anything, attempts, both, nearly
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs
from unhandled import nothing_unhandled

from posesim_server.calls.socket import BAD_MESSAGES, FLOODING
from posesim_server.rate import Rates, Signalling
from server import running

UNLIMITED = Signalling(Rates(10**9, 1.0), Rates(10**9, 1.0))  # else coming again would be 429
SAMPLES = json.loads((Path(__file__).parent / "data" / "call_messages.json").read_text())["client"]
ENDS = ("end", "dismiss", "leave")  # which are meant to disturb
TOO_LARGE = 1009
NO_TEXT = 1007
A_CONNECTION = 12  # messages, of which so many may be bad

drawn = (
    st.text(max_size=50)
    | st.binary(max_size=50)
    | anything.map(json.dumps)
    | nearly([sample for sample in SAMPLES if sample["type"] not in ENDS])
)


@contextlib.contextmanager
def nothing_wrong() -> Iterator[None]:
    """Nothing fails on the server, neither heard nor unheard."""
    with nothing_unhandled(), capture_logs() as logs:
        yield
    assert [log for log in logs if log["log_level"] in ("error", "critical")] == []


async def write(page: Page, messages: list[str | bytes]) -> int | None:
    """Send all, and hear the answers; the code if the server hung up."""
    for message in messages:
        with contextlib.suppress(ConnectionError):  # it has hung up already
            if isinstance(message, bytes):
                await page.socket.send_bytes(message)
            else:
                await page.socket._writer.send_frame(message.encode(errors="surrogatepass"), 1)
    try:
        await page.settled()
    except (Closed, ConnectionError):
        return page.socket.close_code
    return None


async def undisturbed(other: Page) -> None:
    """The other person is there, is answered, and has not been told of any nonsense."""
    heard = await other.settled()
    assert {each.type for each in heard} <= {"state", "peer", "description", "candidate"}


@both
async def test_a_drawn_message_is_taken_refused_or_ends_its_connection_alone(
    examples: int, tmp_path: Path
) -> None:
    messages: list[str | bytes] = []

    @attempts(examples)
    @given(drawn)
    def draw(message: str | bytes) -> None:
        messages.append(message)

    draw()
    with nothing_wrong():
        async with running(tmp_path, rates=UNLIMITED) as server:
            call = await appointment(server)
            for attacker in ("coach", "member"):
                async with call.admitted() as (coach, member):
                    other = member if attacker == "coach" else coach
                    codes = {await attack(call, attacker, other, part) for part in parts(messages)}
                    assert codes <= {None, BAD_MESSAGES, TOO_LARGE, NO_TEXT, FLOODING}
                    # Nothing was broken by it: the call goes on for who comes again.
                    async with pages(call, attacker) as again:
                        assert again.state is not None or await again.until("state")
                        await undisturbed(other)


def parts(messages: list[str | bytes]) -> Iterator[list[str | bytes]]:
    for first in range(0, len(messages), A_CONNECTION):
        yield messages[first : first + A_CONNECTION]


def pages(call: Appointment, who: str, token: str | None = None):
    return call.coach_page(token=token) if who == "coach" else call.member_page(token=token)


async def attack(
    call: Appointment, attacker: str, other: Page, messages: list[str | bytes]
) -> int | None:
    user = call.coach if attacker == "coach" else call.member
    token = await call_token(call.server, user, call.call_id)
    async with pages(call, attacker, token) as page:
        code = await write(page, messages)
        for refused in (each for each in page.heard if each.type == "refused"):
            assert refused.detail.endswith("."), refused
    await undisturbed(other)
    return code


TOO_FAR: dict[str, tuple[list[str | bytes], int]] = {
    "huge text": (["[" * 70_000], TOO_LARGE),
    "huge binary": ([b"\0" * 70_000], TOO_LARGE),
    "no UTF-8": (["\ud800"], NO_TEXT),
    "binary again and again": ([b"\0"] * 16, BAD_MESSAGES),
    "deep again and again": (["[" * 60_000] * 16, BAD_MESSAGES),
    "flood of messages": (['{"v":1,"type":"ping","id":1}'] * 300, FLOODING),
    "flood that the other hears": (
        ['{"v":1,"type":"media","camera":true,"microphone":false}'] * 300,
        FLOODING,
    ),
}


async def test_who_goes_too_far_is_hung_up_alone_and_may_come_again(tmp_path: Path) -> None:
    with nothing_wrong():
        async with running(tmp_path, rates=UNLIMITED) as server:
            call = await appointment(server)
            async with call.admitted() as (coach, _):
                codes = {}
                for name, (messages, _) in TOO_FAR.items():
                    async with call.member_page() as member:
                        codes[name] = await write(member, messages)
                    await undisturbed(coach)
                assert codes == {name: code for name, (_, code) in TOO_FAR.items()}


async def test_nonsense_before_hello_is_hung_up(tmp_path: Path) -> None:
    with nothing_wrong():
        async with running(tmp_path, rates=UNLIMITED) as server:
            call = await appointment(server)
            async with call.coach_page() as coach:
                for first in ("nonsense", b"\0", "[" * 60_000, '{"v":1,"type":"admit"}'):
                    path = f"/v1/calls/{call.call_id}/socket"
                    async with server.client.ws_connect(path) as socket:
                        send = socket.send_bytes if isinstance(first, bytes) else socket.send_str
                        await send(first)
                        await socket.receive()
                        assert socket.close_code == BAD_MESSAGES
                await undisturbed(coach)
