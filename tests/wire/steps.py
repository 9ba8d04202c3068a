"""Cancel a coroutine at a chosen suspension."""

import asyncio


class _Stepping:
    """Awaits `coroutine` and cancels its task when it suspends for the `step`th time."""

    def __init__(self, coroutine, step):
        self._coroutine = coroutine
        self._step = step

    def __await__(self):
        task = asyncio.current_task()
        advance, argument, count = self._coroutine.send, None, 0
        while True:
            try:
                waiting_for = advance(argument)
            except StopIteration as done:
                return done.value
            count += 1
            if count == self._step:
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                advance, argument = self._coroutine.send, (yield waiting_for)
            except BaseException as error:  # noqa: BLE001 - whatever it is, the coroutine gets it
                advance, argument = self._coroutine.throw, error


async def cancelled_at_step(step, coroutine):
    """Run `coroutine`, cancelled at its `step`th suspension; return whether it got that far."""

    async def run():
        return await _Stepping(coroutine, step)

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if task.cancelled():
        return True
    task.result()
    return False
