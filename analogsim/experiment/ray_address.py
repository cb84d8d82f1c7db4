"""Whether something that may be a Ray cluster answers at an address; Ray itself waits minutes."""

import os
import socket

from analogsim.errors import InputError, first_line

_PATIENCE_S = 5.0
# What opens HTTP/2, which Ray speaks, and an empty frame of settings, the first that both sides
# send (RFC 9113, sections 3.4 and 6.5); the type of a frame is its fourth byte.
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME, _TYPE, _SETTINGS = 9, 3, 4


def check_answers(address: str | None) -> None:
    """Refuse HOST:PORT where nobody answers; other forms of an address are for Ray to judge.

    Raises:
        InputError: there is no such host, no answer, or one that no Ray gives.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    host, _, port = (address or "").rpartition(":")
    # "auto" and "local" have no port; ray://HOST:PORT is Ray's client.
    if not host or not port.isdecimal() or "://" in host:
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S) as connection:
            # With TLS a server says nothing before the keys are exchanged.
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return
            connection.sendall(_HELLO)
            answer = connection.recv(_FRAME)
    # A port above 65535 is an OverflowError, a host of strange characters a UnicodeError.
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(no_cluster(address, error)) from error
    if len(answer) <= _TYPE or answer[_TYPE] != _SETTINGS:
        said = f"{answer!r} from something else" if answer else "an end of the connection"
        raise InputError(no_cluster(address, ConnectionError(said)))


def no_cluster(address: str | None, error: BaseException) -> str:
    """What is said of a cluster that does not answer."""
    return (
        f"Ray cluster must answer, got '{first_line(error)}' for address {address!r}; start one "
        "with `ray start --head`, or leave --address out"
    )
