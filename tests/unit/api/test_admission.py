"""Who may be here at the same time."""

from hypothesis import given
from hypothesis import strategies as st

from voiced.api.admission import Places, Rank, Room

ROOMS = {Rank.STRANGER: Room(6, 4), Rank.OWN: Room(2, 2), Rank.MEMBER: Room(4, 3)}


class Guest:
    def __init__(self):
        self.gone = False

    def make_way(self):
        self.gone = True


def come(places, rank, group, times=1):
    guests = [Guest() for _ in range(times)]
    assert all(places.admit(guest, rank, group) for guest in guests)
    return guests


def test_the_oldest_of_a_group_makes_way_when_the_group_has_all_it_may():
    places = Places(ROOMS)
    (other,) = come(places, Rank.STRANGER, "b")
    guests = come(places, Rank.STRANGER, "a", 6)
    assert [guest.gone for guest in guests] == [True, True, False, False, False, False]
    assert not other.gone


def test_the_largest_group_makes_way_for_one_that_has_less():
    places = Places(ROOMS)
    first = come(places, Rank.STRANGER, "a", 2)
    crowd = come(places, Rank.STRANGER, "b", 4)
    come(places, Rank.STRANGER, "c")
    assert [guest.gone for guest in (*first, *crowd)] == [False, False, True, False, False, False]


def test_a_rank_never_takes_the_places_of_another():
    places = Places(ROOMS)
    own, member = come(places, Rank.OWN, "", 2), come(places, Rank.MEMBER, "m", 3)
    come(places, Rank.STRANGER, "a", 50)
    assert not any(guest.gone for guest in (*own, *member))


def test_who_is_settled_makes_no_way_and_half_of_the_places_are_for_others():
    places = Places(ROOMS)
    settled = come(places, Rank.MEMBER, "m")[0]
    assert places.settle(settled)
    (second,) = come(places, Rank.MEMBER, "m")
    assert not places.settle(second)
    come(places, Rank.MEMBER, "m", 10)
    assert second.gone
    assert not settled.gone
    assert places.settle(come(places, Rank.MEMBER, "n")[0])
    assert not places.settle(come(places, Rank.MEMBER, "o")[0])
    assert not places.settle(Guest())


def test_a_place_is_exchanged_for_another():
    places = Places(ROOMS)
    (guest,) = come(places, Rank.STRANGER, "a")
    assert places.admit(guest, Rank.MEMBER, "a")
    come(places, Rank.STRANGER, "a", 20)
    assert not guest.gone
    places.leave(guest)
    assert guest not in places.guests


@given(
    st.lists(st.tuples(st.sampled_from(list(Rank)), st.sampled_from("abcd"), st.booleans())),
)
def test_there_are_never_more_than_places(comings):
    places = Places(ROOMS)
    for rank, group, settles in comings:
        guest = Guest()
        if places.admit(guest, rank, group) and settles:
            places.settle(guest)
        here = places._here[rank]
        assert len(here) <= ROOMS[rank].places
        assert list(here.values()).count(group) <= ROOMS[rank].per_group
        assert not any(each.gone for each in places.guests)
        assert places._settled <= {*places.guests}
