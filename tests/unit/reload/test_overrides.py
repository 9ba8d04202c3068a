"""What people before the device set is kept, each of it."""

import asyncio

import pytest

from tests.unit.storage.disks import Quick
from voiced.assembly.factory import catalogue
from voiced.config.history import Record
from voiced.config.resolve import choose
from voiced.config.user_overrides import examine_with_by_hand
from voiced.errors import RequestRefused
from voiced.reload.overrides import UserOverrides, by_hand_in
from voiced.storage.state_files import BY_HAND
from voiced.storage.state_store import StateStore

OWN = """\
version: 1
agent: {url: 'ws://127.0.0.1:9/', session: {system_prompt: a, greeting: b}}
kiosk: {settings: true}
"""


@pytest.fixture
def people(tmp_path):
    """What people set, and a function that tells the agent's session."""
    own, store = tmp_path / "voiced.yaml", StateStore(tmp_path / "state", Quick())
    own.write_text(OWN)

    def chosen():
        found = examine_with_by_hand(own, by_hand_in(store), catalogue())
        return choose(found, Record(), catalogue())

    choice, turn = [chosen()], asyncio.Lock()

    async def reload(read):
        async with turn:
            found = await read()
            await asyncio.sleep(0.01)
            choice[0] = choose(found, Record(), catalogue())

    overrides = UserOverrides(own, store.open(BY_HAND), lambda: choice[0], reload)
    return overrides, lambda: chosen().best.settings.agent.session


async def told(overrides, *changes):
    """Have people change something, all at once; return what each is told."""
    answers = await asyncio.gather(
        *(overrides.change(*each) for each in changes), return_exceptions=True
    )
    assert all(isinstance(each, RequestRefused | None) for each in answers)
    return [str(each or "") for each in answers]


@pytest.mark.real_time
async def test_two_who_set_something_at_the_same_moment_both_have_it(people):
    overrides, session = people
    first = {"prompt": "You are a guide."}, {"prompt": "a"}
    second = {"greeting": "Welcome!"}, {"greeting": "b"}
    assert await told(overrides, first, second) == ["", ""]
    now = session()
    assert (now["system_prompt"], now["greeting"]) == ("You are a guide.", "Welcome!")


@pytest.mark.real_time
@pytest.mark.parametrize("at_once", [True, False])
async def test_of_two_who_set_the_same_the_second_is_told(people, at_once):
    overrides, session = people
    changes = [({"greeting": "One."}, {"greeting": "b"}), ({"greeting": "Two."}, {"greeting": "b"})]
    if at_once:
        answers = await told(overrides, *changes)
    else:
        answers = [*await told(overrides, changes[0]), *await told(overrides, changes[1])]
    assert answers[0] == ""
    assert "someone else has changed the greeting in the meantime" in answers[1]
    assert session()["greeting"] == "One."
    assert await told(overrides, ({"greeting": "Two."}, {"greeting": "One."})) == [""]
    assert session()["greeting"] == "Two."


@pytest.mark.real_time
async def test_two_who_want_the_same_are_both_content(people):
    overrides, session = people
    change = {"greeting": "One."}, {"greeting": "b"}
    assert await told(overrides, change, change) == ["", ""]
    assert session()["greeting"] == "One."


@pytest.mark.real_time
async def test_nothing_of_what_is_told_off_is_kept(people):
    overrides, session = people
    await told(overrides, ({"greeting": "One."},))
    both = {"greeting": "Two.", "prompt": "Be brief."}, {"greeting": "b", "prompt": "a"}
    [answer] = await told(overrides, both)
    assert "greeting" in answer
    assert (session()["greeting"], session()["system_prompt"]) == ("One.", "a")


@pytest.mark.real_time
async def test_what_the_owner_does_not_allow_any_more_is_refused_and_not_kept(people, tmp_path):
    overrides, _ = people
    (tmp_path / "voiced.yaml").write_text(OWN.replace("true", "false"))
    [answer] = await told(overrides, ({"greeting": "One."},))
    assert answer == "this cannot be changed here"
    assert not (tmp_path / "state" / BY_HAND.name).exists()
