"""A list of callbacks, called in the order in which they were added."""

from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


class Listeners(list[Callable[P, object]]):
    """Calls every callback in the list. An error of one is raised, and the rest are not called."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call all of them."""
        for listener in self:
            listener(*args, **kwargs)
