"""Data folder, folders to write to, and memory."""

from pathlib import Path

import pytest

from analogsim.doctor import place
from analogsim.doctor.place import (
    available_memory_gib,
    check_data,
    check_folders,
    check_memory,
    check_writable,
)


@pytest.fixture(autouse=True)
def no_data_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALOGSIM_DATA", raising=False)


def test_no_data_folder_is_a_warning_that_names_the_variable() -> None:
    check = check_data(None)

    assert check.status == "warning"
    assert "ANALOGSIM_DATA is not set" in check.detail
    assert check.mend == "export ANALOGSIM_DATA=FOLDER"


def test_data_is_found_by_option_and_by_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    assert check_data(tmp_path).detail == f"cifar10 in {tmp_path}"

    monkeypatch.setenv("ANALOGSIM_DATA", str(tmp_path))
    (tmp_path / "cifar-100-python").mkdir()
    check = check_data(None)
    assert check.status == "ok"
    assert check.detail == f"cifar10, cifar100 in {tmp_path}"


def test_empty_data_folder_is_a_warning(tmp_path: Path) -> None:
    check = check_data(tmp_path)

    assert check.status == "warning"
    assert f"{tmp_path} has no cifar-10-batches-py or cifar-100-python" in check.detail


def test_missing_data_folder_names_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "gone"
    assert f"--data-dir must be a folder, got '{missing}'" in check_data(missing).detail

    monkeypatch.setenv("ANALOGSIM_DATA", str(missing))
    check = check_data(None)
    assert check.status == "warning"
    assert f"ANALOGSIM_DATA must be a folder, got '{missing}'" in check.detail


def test_writable_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert [check.status for check in check_folders()] == ["ok", "ok"]
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # A folder that is not there stands for a read-only one: the superuser may write everywhere.
    check = check_writable("current folder", tmp_path / "gone", "cd ELSEWHERE")

    assert check.status == "warning"
    assert f"{tmp_path / 'gone'} cannot be written: No such file" in check.detail
    assert check.mend == "cd ELSEWHERE"


def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(place.tempfile, "gettempdir", fail)
    check = check_folders()[0]
    assert check.status == "warning"
    assert "No usable temporary directory found" in check.detail
    assert check.mend.startswith("export TMPDIR=")


def test_memory_is_read_in_gib(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9999999 kB\nMemAvailable:    3145728 kB\n")
    assert available_memory_gib(meminfo) == 3.0
    meminfo.write_text("MemTotal: 9999999 kB\n")
    assert available_memory_gib(meminfo) is None
    assert available_memory_gib(tmp_path / "gone") is None


@pytest.mark.parametrize(
    ("gib", "status", "detail"),
    [(8.0, "ok", "8.0 GiB"), (0.5, "warning", "0.5 GiB"), (None, "info", "unknown")],
)
def test_little_memory_is_a_warning(
    gib: float | None, status: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "available_memory_gib", lambda: gib)
    check = check_memory()
    assert check.status == status
    assert detail in check.detail
