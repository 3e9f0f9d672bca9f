"""Set-up of the whole test run."""

pytest_plugins = ["pytester", "tests.nbval_tolerance"]
