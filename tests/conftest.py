"""What all tests share: a folder for compiled code, which is not the user's."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _cache_of_compiled_code(request, tmp_path_factory):
    """Networks are compiled once a shape and kept from run to run, in pytest's own cache."""
    cache = getattr(request.config, "cache", None)
    folder = tmp_path_factory.mktemp("cache") if cache is None else cache.mkdir("derivata-jax")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield
