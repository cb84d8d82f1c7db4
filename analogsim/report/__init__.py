"""What a run says, rebuilt from its folder alone: summary, table, plot and one HTML page."""

from analogsim.report.build import build_report
from analogsim.report.labels import format_duration
from analogsim.report.summary import Summary, summary
from analogsim.report.table import format_table

__all__ = ["Summary", "build_report", "format_duration", "format_table", "summary"]
