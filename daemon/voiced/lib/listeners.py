"""Who wants to know of something: told in the order in which they asked."""

from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


class Listeners(list[Callable[P, object]]):
    """Calls everybody who was appended. An error of one is the caller's, and ends the telling."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell all of them."""
        for listener in self:
            listener(*args, **kwargs)
