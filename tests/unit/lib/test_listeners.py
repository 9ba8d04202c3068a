"""Who wants to know of something (listeners.py)."""

from voiced.lib.listeners import Listeners


def test_everybody_is_told_in_the_order_of_asking_and_nobody_need_listen():
    told = []
    listeners = Listeners()
    listeners(1)
    listeners.append(lambda number: told.append(("a", number)))
    listeners.append(lambda number: told.append(("b", number)))
    listeners(2)
    assert told == [("a", 2), ("b", 2)]
