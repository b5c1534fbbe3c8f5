import asyncio
import threading
from typing import NoReturn

import pytest
import structlog

from posesim_server.inference import Inference, InferenceClosed


class Gate:
    """A job that holds the thread until it is let go."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._let_go = threading.Event()

    def __call__(self) -> str:
        self._entered.set()
        self._let_go.wait()
        return "done"

    async def entered(self) -> None:
        await asyncio.to_thread(self._entered.wait)

    def let_go(self) -> None:
        self._let_go.set()


async def test_a_job_runs_on_the_named_thread_and_returns_its_result() -> None:
    async with Inference("compute") as inference:
        name = await inference.run(lambda: threading.current_thread().name, urgent=True)
    assert name == "compute"


async def test_an_error_of_a_job_reaches_its_caller_and_the_thread_goes_on() -> None:
    async with Inference() as inference:
        with pytest.raises(ZeroDivisionError):
            await inference.run(lambda: 1 / 0, urgent=True)
        assert await inference.run(lambda: 2, urgent=True) == 2


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
async def test_errors_that_end_a_program_do_not_end_the_thread(error: BaseException) -> None:
    async with Inference() as inference:
        with pytest.raises(type(error)):
            await inference.run(lambda: fail(error), urgent=True)
        assert await inference.run(lambda: 2, urgent=False) == 2


async def test_stop_iteration_which_no_future_carries_comes_as_a_runtime_error() -> None:
    async with Inference() as inference:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await inference.run(lambda: fail(StopIteration()), urgent=True)
        assert await inference.run(lambda: 2, urgent=False) == 2


def fail(error: BaseException) -> NoReturn:
    raise error


async def test_urgent_jobs_overtake_the_others_and_each_kind_keeps_its_order() -> None:
    order: list[str] = []
    gate = Gate()
    async with Inference() as inference, asyncio.TaskGroup() as group:
        group.create_task(inference.run(gate, urgent=False))
        await gate.entered()
        for name, urgent in [("a", False), ("B", True), ("c", False), ("D", True)]:
            group.create_task(inference.run(lambda n=name: order.append(n), urgent=urgent))
        await asyncio.sleep(0)
        assert inference.waiting == 4
        gate.let_go()
    assert order == ["B", "D", "a", "c"]


async def test_the_loop_goes_on_while_a_job_runs() -> None:
    gate = Gate()
    async with Inference() as inference:
        job = asyncio.create_task(inference.run(gate, urgent=True))
        await gate.entered()
        gate.let_go()  # by the loop, which therefore was free
        assert await job == "done"


async def test_cancelling_drops_a_job_that_has_not_begun() -> None:
    gate = Gate()
    ran: list[int] = []
    async with Inference() as inference:
        first = asyncio.create_task(inference.run(gate, urgent=True))
        await gate.entered()
        second = asyncio.create_task(inference.run(lambda: ran.append(2), urgent=True))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert inference.waiting == 0
        gate.let_go()
        assert await first == "done"
    assert ran == []


async def test_cancelling_a_job_in_progress_disturbs_nobody() -> None:
    gate = Gate()
    async with Inference() as inference:
        first = asyncio.create_task(inference.run(gate, urgent=True))
        await gate.entered()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        gate.let_go()
        assert await inference.run(lambda: 2, urgent=True) == 2


async def test_closing_waits_for_the_job_in_progress_and_fails_the_rest() -> None:
    gate = Gate()
    inference = Inference("compute")
    async with inference:
        first = asyncio.create_task(inference.run(gate, urgent=False))
        await gate.entered()
        second = asyncio.create_task(inference.run(lambda: 2, urgent=True))
        await asyncio.sleep(0)
        closing = asyncio.create_task(inference.close())
        with pytest.raises(InferenceClosed, match="The server is stopping"):
            await second
        assert not closing.done()
        gate.let_go()
        assert await first == "done"
        await closing
        assert "compute" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(InferenceClosed):
        await inference.run(lambda: 3, urgent=True)


async def test_a_worker_that_was_not_opened_refuses_jobs() -> None:
    inference = Inference()
    with pytest.raises(InferenceClosed):
        await inference.run(lambda: 1, urgent=True)
    await inference.close()


async def test_a_job_logs_with_its_caller_s_session() -> None:
    with structlog.contextvars.bound_contextvars(session_id="s-1"):
        async with Inference() as inference:
            seen = await inference.run(structlog.contextvars.get_contextvars, urgent=True)
    assert seen == {"session_id": "s-1"}
