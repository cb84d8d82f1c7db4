"""What tools for energy, latency and area read of a network on a crossbar.

analogsim counts and measures; it says nothing of energy itself. Each format is a file of this
package, and each exported folder says what it does not hold.
"""

from analogsim.export.folder import FORMATS, check_format, write_export
from analogsim.export.source import Source, make_source, read_source

__all__ = ["FORMATS", "Source", "check_format", "make_source", "read_source", "write_export"]
