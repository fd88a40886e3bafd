"""The kernel's send(), called without letting go of the interpreter's lock.

A socket's own send lets go and must queue for the lock again each time, behind every busy thread. These sockets never
block, so there is nothing to wait for.
"""

import ctypes
import socket
from itertools import repeat

FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
# Without declared argument types ctypes takes ints and bytes as they are, a third faster; a size must be named one.
_send = ctypes.PyDLL(None).send


def send_to_all(fds: list[int], told: bytes) -> list[int]:
    """Send the same bytes to each; return how many each took, -1 for none: its socket says why."""
    return list(map(_send, fds, repeat(told), repeat(ctypes.c_size_t(len(told))), repeat(FLAGS)))
