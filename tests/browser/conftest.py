import pytest

from tests.browser.chromium import browser


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """The address of a browser's DevTools; one browser serves all tests."""
    with browser(tmp_path_factory.mktemp("profile")) as address:
        yield address
