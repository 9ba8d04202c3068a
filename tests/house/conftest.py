"""The house's own tests: they look at files and run scripts, and cover none of the program."""

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if item.nodeid.startswith("tests/house/"):
            item.add_marker(pytest.mark.uncovered)
