"""Set-up of the whole test run."""

pytest_plugins = ["tests.nbval_tolerance"]
