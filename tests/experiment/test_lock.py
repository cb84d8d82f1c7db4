"""One process at a time in a folder, also where the file system has no locks."""

import errno
import fcntl
import os
import re
import socket
from pathlib import Path

import pytest

from analogsim.errors import OutputError
from analogsim.experiment.lock import HOLDER_FILE, STAND_IN_FILE, locked

HERE = f"process {os.getpid()} on {socket.gethostname()}"


def failing(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def lockf(file: int, command: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", lockf)


def test_the_folder_is_made_and_the_lock_says_whose_it_is(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / HOLDER_FILE).read_text() == HERE
        assert not (tmp_path / "a" / "b" / STAND_IN_FILE).exists()
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [".lock"]


@pytest.mark.parametrize("name", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
class TestWithoutLocks:
    @pytest.fixture(autouse=True)
    def without(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        failing(monkeypatch, getattr(errno, name))

    def test_a_file_keeps_the_second_one_out(self, tmp_path: Path) -> None:
        with locked(tmp_path):
            message = (
                f"got a second one while {HERE} runs there; wait for it, or delete "
                f"{tmp_path / STAND_IN_FILE} if that process has ended"
            )
            with pytest.raises(OutputError, match=re.escape(message)), locked(tmp_path):
                pass
            # Who was refused took nothing away.
            assert (tmp_path / STAND_IN_FILE).read_text() == HERE
        with locked(tmp_path):
            pass

    @pytest.mark.parametrize("error", [KeyboardInterrupt, OutputError("full")], ids=repr)
    def test_the_file_goes_with_a_run_that_fails(
        self, tmp_path: Path, error: type[BaseException] | BaseException
    ) -> None:
        with pytest.raises((KeyboardInterrupt, OutputError)), locked(tmp_path):
            raise error
        assert not (tmp_path / STAND_IN_FILE).exists()

    def test_one_that_a_kill_left_is_deleted_by_hand(self, tmp_path: Path) -> None:
        (tmp_path / STAND_IN_FILE).write_text("process 4711 on elsewhere")
        with pytest.raises(OutputError, match="while process 4711 on elsewhere runs there"):
            with locked(tmp_path):
                pass
        (tmp_path / STAND_IN_FILE).unlink()
        with locked(tmp_path):
            pass


def test_a_lock_that_fails_otherwise_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, errno.EIO)
    message = rf"output {tmp_path} must be writable, got 'Input/output error'; mend the disk, and"
    with pytest.raises(OutputError, match=message), locked(tmp_path):
        pass
