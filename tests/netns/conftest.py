import os

import pytest

from tests.netns.rig import Wire


@pytest.fixture
def wire():
    if os.geteuid() != 0:
        reason = "making network namespaces needs root: run scripts/test with sudo"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with Wire() as it:
        yield it
