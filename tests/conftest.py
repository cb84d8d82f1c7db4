"""Loads what every test gets, where tests are run.

With several workers it is they who run them: the process that hands the tests out needs no torch,
and starts the workers seconds earlier.
"""

from pathlib import Path

import pytest

# So that a helper's failed assertion shows its values, as one in a test does.
pytest.register_assert_rewrite(
    *(f"tests.{folder.name}" for folder in Path(__file__).parent.iterdir() if folder.is_dir())
)


def pytest_configure(config: pytest.Config) -> None:
    """A worker has no `numprocesses`, nor has a process that runs the tests itself."""
    if not getattr(config.option, "numprocesses", None):
        config.pluginmanager.import_plugin("tests.every_test")
