"""An address where no Ray is, said at once."""

import re
import socket
import threading
from collections.abc import Iterator

import pytest

from analogsim.errors import InputError
from analogsim.experiment import ray_address
from analogsim.experiment.ray_address import check_answers

SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port where the parameter is the answer to whoever connects; None never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held = []

        def serve() -> None:
            connection, _ = listening.accept()
            held.append(connection)
            if request.param is not None:
                connection.recv(100)
                connection.sendall(request.param)
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    ("address", "got"),
    [
        ("127.0.0.1:1", "[Errno 111] Connection refused"),
        ("no-such-host.invalid:6379", "[Errno -"),
        ("127.0.0.1:99999", ""),
        ("[::1]:1", "[Errno "),
        ("a" * 300 + ":1", ""),
    ],
    ids=["nobody", "no-host", "no-port", "ipv6", "long"],
)
def test_nobody_answers(address: str, got: str) -> None:
    message = f"Ray cluster must answer, got '{got}.* for address '{re.escape(address)}'; start one"
    with pytest.raises(InputError, match=message.replace("[Errno", r"\[Errno")):
        check_answers(address)


@pytest.mark.parametrize(
    ("server", "got"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", r"b'HTTP/1\.1 ' from something else"),
        (b"", "an end of the connection"),
        (None, "timed out"),
    ],
    ids=["http", "closed", "silent"],
    indirect=["server"],
)
def test_something_else_answers(server: int, got: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_address, "_PATIENCE_S", 0.2)
    with pytest.raises(InputError, match=rf"got '{got}' for address '127\.0\.0\.1:{server}'"):
        check_answers(f"127.0.0.1:{server}")


@pytest.mark.parametrize("server", [SETTINGS], ids=["settings"], indirect=True)
def test_an_answer_in_http_2_may_be_ray_s(server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{server}")
    check_answers(None)


@pytest.mark.parametrize("address", [None, "auto", "local", "ray://a:1", "nonsense"])
def test_other_forms_are_for_ray_to_judge(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    check_answers(address)
