"""A run on a real Ray cluster on this machine: two nodes, token authentication, one node killed."""

import os
import secrets
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from analogsim.cli.main import run
from analogsim.errors import InputError
from analogsim.experiment.on_ray import OnRay
from tests.experiment.held import PATIENCE_S, ROOT, Held
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
    """A head and one more node, with one core each. Always stopped at the end."""
    with pytest.MonkeyPatch.context() as patch:
        # The nodes and their workers inherit these.
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(ROOT))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from ray.cluster_utils import Cluster

            made = Cluster()
            try:
                for _ in range(2):
                    made.add_node(num_cpus=1, object_store_memory=10**8, include_dashboard=False)
                yield made
            finally:
                made.shutdown()


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

    def test_a_node_that_dies_loses_nothing(
        self, cluster: Any, local: Path, tmp_path: Path
    ) -> None:
        held = Held(
            tmp_path, 8, "run", local / "spec.toml", "-o", tmp_path / "out",
            "--on", "ray", "--address", cluster.address,
        )  # fmt: skip
        held.wait()
        # Of 120 trials: the node dies in the middle.
        assert len(records(tmp_path / "out")) == 8
        (other,) = cluster.worker_nodes
        cluster.remove_node(other, allow_graceful=False)
        err = held.go_on()
        assert held.process.returncode == 0, err
        assert records(tmp_path / "out") == records(local / "out")


def test_without_ray_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"package ray, .*pip install 'analogsim-aimc\[ray\]'"):
        OnRay()
