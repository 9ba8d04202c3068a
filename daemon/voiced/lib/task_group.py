"""A task group that loses no cancellation. Use it in place of asyncio's."""

import asyncio
import sys
from typing import Any

if sys.version_info >= (3, 13):
    TaskGroup = asyncio.TaskGroup  # noqa: TID251 - this is the replacement
else:

    class TaskGroup(asyncio.TaskGroup):  # noqa: TID251 - fixed here
        """asyncio's task group, with the behaviour of Python 3.13.

        Earlier versions lose a cancellation that comes while one of the group's tasks fails: the cancelled task
        handles the failure, tries again, and runs on for ever.
        """

        async def __aexit__(self, *reason: Any) -> None:
            """Wait for the tasks; see `asyncio.TaskGroup`.

            Raises:
                BaseExceptionGroup: The errors of the tasks. If the waiting task was cancelled
                    meanwhile, its next `await` raises CancelledError.
            """
            undone = self._has_cancelled_parent
            try:
                await super().__aexit__(*reason)
            except BaseExceptionGroup:
                parent = asyncio.current_task()
                assert parent is not None  # noqa: S101 - coroutines run in tasks
                if self._has_cancelled_parent and not undone:
                    parent.uncancel()  # the group's own request, made when a task failed
                if parent.cancelling():
                    parent.uncancel()  # keep the count of requests
                    parent.cancel()
                raise

        @property
        def _has_cancelled_parent(self) -> bool:
            """One of its tasks has failed. A private name, but these Python releases no longer change."""
            return bool(self._parent_cancel_requested)  # type: ignore[attr-defined]
