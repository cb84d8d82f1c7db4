"""What is sent to a Ray cluster, pickled as Ray does it, without a cluster."""

import importlib
import pickle
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from torch import nn

from analogsim.errors import InputError
from analogsim.experiment.place import Work
from analogsim.experiment.ray_driver import ship

# Ray itself reads its environment once, when it is imported, and the tests on a cluster set it.
cloudpickle = pytest.importorskip("cloudpickle")
CLUSTER = SimpleNamespace(put=cloudpickle.dumps, cloudpickle=cloudpickle)


class _Job:
    data = SimpleNamespace(dataset=())

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def networks(self) -> list[nn.Module]:
        return [self.network]


def _job(network: nn.Module) -> Work:
    return cast(Work, _Job(network))


def test_a_class_of_the_user_s_own_file_travels_with_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_net.py").write_text(
        "from torch import nn\n\n\nclass Own(nn.Linear):\n    answer = 42\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    made: Any = importlib.import_module("own_net").Own(2, 2)
    sent = ship(CLUSTER, _job(nn.Sequential(made)))
    monkeypatch.undo()
    del sys.modules["own_net"]
    # A node has no such file.
    assert pickle.loads(sent).network[0].answer == 42


def test_what_cannot_travel_is_refused_in_words() -> None:
    network = nn.Linear(2, 2)
    network.lock = threading.Lock()
    with pytest.raises(InputError, match=r"send them .* got 'cannot pickle '_thread.lock' object'"):
        ship(CLUSTER, _job(network))
