"""The browser and the pages of the tests that look at pages."""

from tests.report.browsing import browser, reports

__all__ = ["browser", "reports"]
