"""A group of tasks that loses no cancellation: use it in place of asyncio's."""

import asyncio
import sys
from typing import Any

if sys.version_info >= (3, 13):
    TaskGroup = asyncio.TaskGroup  # noqa: TID251 - the one that is to be used
else:

    class TaskGroup(asyncio.TaskGroup):  # noqa: TID251 - what is mended here
        """asyncio's task group, as it behaves from Python 3.13 on.

        Before, a cancellation that comes while one of the group's tasks fails is lost: what was to end
        deals with the failure, tries again, and runs on for good.
        """

        async def __aexit__(self, *reason: Any) -> None:
            """Wait for the tasks; see `asyncio.TaskGroup`.

            Raises:
                BaseExceptionGroup: What the tasks have raised. If the task that waits was cancelled
                    meanwhile, its next `await` raises that as well.
            """
            undone = self._has_cancelled_parent
            try:
                await super().__aexit__(*reason)
            except BaseExceptionGroup:
                parent = asyncio.current_task()
                assert parent is not None  # noqa: S101 - coroutines run in tasks
                if self._has_cancelled_parent and not undone:
                    parent.uncancel()  # the group's own, of a failure while it waited
                if parent.cancelling():
                    parent.uncancel()  # so that the count stays as it is
                    parent.cancel()
                raise

        @property
        def _has_cancelled_parent(self) -> bool:
            """One of its tasks has failed; those releases change no more, so its private name stays."""
            return bool(self._parent_cancel_requested)  # type: ignore[attr-defined]
