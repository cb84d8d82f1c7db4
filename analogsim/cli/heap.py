"""Large temporaries stay in the process's heap, on glibc.

By default glibc maps and unmaps every block above 128 kB to 32 MB anew, so that each layer of a
forward pass faults all its pages in: on small machines that costs more than the arithmetic. The
price is that freed memory is kept until the process ends. `ANALOGSIM_MALLOC=default` leaves glibc
as it is.
"""

import ctypes
import os
import platform

VARIABLE = "ANALOGSIM_MALLOC"

# Numbers of <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> bool:
    """Set glibc's thresholds for this process; True if that was done."""
    if os.environ.get(VARIABLE) == "default" or platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    thresholds = {
        _M_MMAP_THRESHOLD: 1 << 30,
        _M_TRIM_THRESHOLD: (1 << 31) - 1,
        _M_TOP_PAD: 64 << 20,
    }
    return all(mallopt(which, value) == 1 for which, value in thresholds.items())
