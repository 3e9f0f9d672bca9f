"""Set-up of the whole test run."""

import os

import pytest
from hypothesis import settings

pytest_plugins = [
    "pytester",
    "tests.nbval_tolerance",
    "tests.nbval_pictures",
    "tests.website",
    "tests.browser",
    "tests.node",
]

# Tests run side by side, one process per core. If each of them, and each notebook's kernel, also
# started a thread for every core, they would only wait for one another. Where the matrix asks how
# the book's own choice does, the kernels choose.
if os.environ.get("CS231N_TEST_THREADS") != "book":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

# Matplotlib lists the fonts once, and finds another folder for them where the home folder cannot
# be written. Otherwise each kernel would do so, and say so in its first output.
import matplotlib.font_manager  # noqa: E402, F401 - it loads NumPy, which reads the number above

# A busy machine is slow; that is not a failure.
settings.register_profile("book", deadline=None)
settings.load_profile("book")

# Groups of tests are dealt out to the processes in this order. What builds the website, for which
# others would wait, comes early; what takes seconds last, so that all end together.
ORDER = {"chapters": 0, "repository": 1, "site": 3, "ground": 4, "see": 4}  # all others: 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: ORDER.get(item.path.parent.name, 2))
