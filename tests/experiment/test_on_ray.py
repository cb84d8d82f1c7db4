"""A run on a real Ray cluster on this machine: two nodes, token authentication, one node killed."""

import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import pytest

from analogsim.cli.main import run
from analogsim.errors import InputError
from analogsim.experiment import on_ray
from analogsim.experiment.on_ray import OnRay
from analogsim.experiment.place import WorkerError
from analogsim.experiment.ray_driver import Connected, Connecting
from tests.experiment.held import PATIENCE_S, Held
from tests.experiment.ray_nodes import ray_nodes
from tests.experiment.small import records
from tests.inputs.devices import CELL

SPEC = """
model = "zoo:digits_cnn"
data = "digits"
presets = ["pcm", "gaussian"]
times = ["1s", "1d"]
limit = 90

[design]
chips = 30
"""
BNS = ("digital", "recalibrate", "recalibrate-once")
RECALIBRATED = f"""
model = "zoo:digits_cnn"
data = "digits"
presets = ["pcm"]
times = ["1s", "1d"]
compensation = ["none"]
limit = 60
bn = {list(BNS)}
recalibration_images = 64

[design]
chips = 6
"""
OWN_DEVICE = """
model = "zoo:digits_cnn"
data = "digits"
presets = ["cell.py:wide"]
times = ["1s"]
limit = 60

[design]
chips = 4
"""
COMMAND = [sys.executable, "-c", "from analogsim.cli.main import main; main()"]

needs_ray = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the package ray"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_nodes(2) as made:
        yield made


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("local")
    (folder / "spec.toml").write_text(SPEC)
    assert run(["run", str(folder / "spec.toml"), "-o", str(folder / "out")]) == 0
    return folder


def start(folder: Path, out: Path, address: str) -> subprocess.Popen[str]:
    args = ["run", folder / "spec.toml", "-o", out, "--on", "ray", "--address", address]
    return subprocess.Popen(
        [*COMMAND, *map(str, args)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def held_on(cluster: Any, local: Path, tmp_path: Path) -> Held:
    """A run on the cluster that stands after 8 of 120 trials."""
    held = Held(
        tmp_path, 8, "run", local / "spec.toml", "-o", tmp_path / "out",
        "--on", "ray", "--address", cluster.address,
    )  # fmt: skip
    held.wait()
    return held


class TestCluster:
    pytestmark = needs_ray

    def test_records_are_those_of_a_local_run(
        self, cluster: Any, local: Path, tmp_path: Path
    ) -> None:
        process = start(local, tmp_path / "out", cluster.address)
        err = process.communicate(timeout=PATIENCE_S)[1]
        assert process.returncode == 0, err
        assert records(tmp_path / "out") == records(local / "out")

    def test_recalibrated_chips_are_those_of_a_local_run(
        self, cluster: Any, tmp_path: Path
    ) -> None:
        """The nodes estimate BatchNorm statistics, from images that come with the network."""
        (tmp_path / "spec.toml").write_text(RECALIBRATED)
        assert run(["run", str(tmp_path / "spec.toml"), "-o", str(tmp_path / "local")]) == 0
        process = start(tmp_path, tmp_path / "out", cluster.address)
        err = process.communicate(timeout=PATIENCE_S)[1]
        assert process.returncode == 0, err
        expected = records(tmp_path / "local")
        assert records(tmp_path / "out") == expected
        # Three treatments that differ, of six chips at two times.
        assert len(expected) == 36
        right = {bn: [r["correct"] for r in expected if r["bn"] == bn] for bn in BNS}
        assert len({tuple(answers) for answers in right.values()}) == 3

    def test_a_device_of_the_users_own_file_is_sent_along(
        self, cluster: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "cell.py").write_text(CELL)
        (tmp_path / "spec.toml").write_text(OWN_DEVICE)
        assert run(["run", str(tmp_path / "spec.toml"), "-o", str(tmp_path / "local")]) == 0
        process = start(tmp_path, tmp_path / "out", cluster.address)
        err = process.communicate(timeout=PATIENCE_S)[1]
        assert process.returncode == 0, err
        assert records(tmp_path / "out") == records(tmp_path / "local")
        assert {r["preset"] for r in records(tmp_path / "out")} == {"my-cell?sigma=0.2"}

    def test_a_wrong_token_is_refused(self, cluster: Any, local: Path, tmp_path: Path) -> None:
        args = ["run", local / "spec.toml", "-o", tmp_path / "out", "--on", "ray"]
        done = subprocess.run(
            [*COMMAND, *map(str, args), "--address", cluster.address],
            cwd=local,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, "RAY_AUTH_TOKEN": "0" * 64},
        )
        assert done.returncode == 2, (done.returncode, done.stderr)
        assert "Ray cluster must answer, got '" in done.stderr
        assert cluster.address in done.stderr
        # For this reason, and not because the machine is too busy: Ray's own words.
        assert "InvalidAuthToken" in done.stderr

    def test_a_ray_of_ones_own_has_as_many_workers_as_are_asked_for(
        self, local: Path, tmp_path: Path
    ) -> None:
        args = ["run", local / "spec.toml", "-o", tmp_path / "out", "--on", "ray", "--workers", "1"]
        done = subprocess.run(
            [*COMMAND, *map(str, args)], cwd=local, capture_output=True, text=True,
            timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Ray: 1 node, 1 worker, " in done.stderr
        assert records(tmp_path / "out") == records(local / "out")

    def test_a_node_that_dies_loses_nothing(
        self, cluster: Any, local: Path, tmp_path: Path
    ) -> None:
        held = held_on(cluster, local, tmp_path)
        # Of 120 trials: the node dies in the middle.
        assert len(records(tmp_path / "out")) == 8
        (other,) = cluster.worker_nodes
        cluster.remove_node(other, allow_graceful=False)
        err = held.go_on()
        assert held.process.returncode == 0, err
        assert records(tmp_path / "out") == records(local / "out")

    def test_the_driver_s_own_node_may_die_and_the_run_goes_on_elsewhere(
        self, cluster: Any, local: Path, tmp_path: Path
    ) -> None:
        """The last test: it ends the cluster."""
        held = held_on(cluster, local, tmp_path)
        cluster.remove_node(cluster.head_node, allow_graceful=False)
        err = held.go_on()
        assert held.process.returncode == 2, err
        assert re.search(r"error: Ray.* must .*, got .*; every finished trial is safe: mend", err)
        assert "Traceback" not in err
        assert 8 <= len(records(tmp_path / "out")) < 120
        # The same command without Ray goes on.
        assert run(["run", str(local / "spec.toml"), "-o", str(tmp_path / "out")]) == 0
        assert records(tmp_path / "out") == records(local / "out")


def test_without_ray_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"package ray, .*pip install 'analogsim-aimc\[ray\]'"):
        OnRay()


@pytest.mark.parametrize(
    ("workers", "address", "message"),
    [
        (2, "a:1", r"--workers must go with .*, got 2 with --address a:1, whose cluster decides"),
        (0, None, "workers must be at least 1, got 0"),
    ],
    ids=["address", "none"],
)
@pytest.mark.skipif(find_spec("ray") is None, reason="needs the package ray")
def test_workers_are_those_of_a_ray_of_ones_own(
    workers: int, address: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        OnRay(address, workers)


class Toy:
    """All that a driver asks of a job here."""

    device = "cpu"


def ends(job: Any, address: Any, workers: Any, pipe: Connection, parents: Connection) -> None:
    pipe.send(Connected(text="Ray: 1 node"))
    # As the libraries of Ray do when its node has gone.
    os._exit(7)


def waits(job: Any, address: Any, workers: Any, pipe: Connection, parents: Connection) -> None:
    pipe.send(Connecting())
    time.sleep(PATIENCE_S)


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the package ray")
class TestDriver:
    def test_one_that_ends_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(on_ray, "drive", ends)
        monkeypatch.setattr(on_ray, "check_answers", lambda address: None)
        said: list[str] = []
        place = OnRay("10.0.0.1:6379", say=said.append)
        with pytest.raises(WorkerError, match=r"driver must finish, got its end with exit code 7"):
            list(place.run(cast(Any, Toy()), []))
        assert said == ["Ray: 1 node"]

    def test_a_cluster_that_never_answers_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(on_ray, "drive", waits)
        monkeypatch.setattr(on_ray, "check_answers", lambda address: None)
        monkeypatch.setattr(on_ray, "_CONNECT_S", 0.1)
        place = OnRay("10.0.0.1:6379")
        with pytest.raises(InputError, match=r"got 'no answer in 0\.1 s' for address '10\.0\.0\.1"):
            list(place.run(cast(Any, Toy()), []))
        assert not multiprocessing.active_children()
