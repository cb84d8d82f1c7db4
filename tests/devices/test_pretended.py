"""What `--device cuda` runs, on a pretended device: no tensor is left on the CPU.

The numbers are those of the CPU, because they are computed there. Real hardware is asked by the
tests that are marked `gpu`. Two paths cannot be pretended: aihwkit's own tiles (`forward="tile"`),
which move in C++, and the kernels of Gaussian noise, which `tests/gaussian` runs in Triton's
interpreter; here their arguments are looked at. torch's FakeTensor mode, which has no values, stops
where drift and calibration read one.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from analogsim import convert, program
from analogsim.crossbar.chip import weights
from analogsim.crossbar.chip.compensation import Compensation
from analogsim.draws import cpu
from analogsim.experiment.score import score
from analogsim.gaussian import launch
from analogsim.hardening import converters, currents
from analogsim.inputs.memory import data_in_memory
from analogsim.scopes.levels import Level
from analogsim.scopes.noisy import make_noisy
from analogsim.training.epoch import make_optimiser, train_epoch_
from analogsim.training.recipe import Recipe
from tests.devices.pretended import DEVICE, Pretended, WrongDeviceError, pretended_cuda
from tests.hardening.networks import small
from tests.hardening.test_method import held, method


def images(n: int) -> Tensor:
    """(n, 3, 8, 8)."""
    return torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(5))


pytestmark = pytest.mark.usefixtures("serial")


@pytest.fixture
def serial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks drift in this thread: others know nothing of the pretended device."""

    def each(function: Any, items: Iterable[Any], *, serial: bool) -> None:
        for item in items:
            function(item)

    monkeypatch.setattr(weights, "each", each)


def network() -> nn.Sequential:
    """With a grouped convolution and BatchNorm, for images of (3, 8, 8).

    Of fewer channels the CPU takes the products in another order, and with it the noise.
    """
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 2, groups=4), nn.ReLU(), nn.Flatten(), nn.Linear(32, 10),
        ).eval()  # fmt: skip


def test_tensors_of_two_devices_do_not_meet() -> None:
    """The control: what the other tests would not see, they could not tell."""
    here = torch.ones(3)
    with pretended_cuda():
        there = here.to("cuda")
        assert there.device == DEVICE
        assert torch.arange(3, device="cuda").device == DEVICE
        assert torch.tensor([1.0, 2.0], device="cuda").device == DEVICE
        assert float((there + 1).sum()) == 6
        assert type(there.cpu()) is Tensor
        with pytest.raises(WrongDeviceError, match="mul.Tensor of tensors on cuda and cpu"):
            there * here
        with pytest.raises(WrongDeviceError, match="mm.default of tensors on cuda and cpu"):
            there[None] @ torch.ones(3, 2)
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()


CHIPS: dict[str, dict[str, Any]] = {
    "ideal": {"periphery": "ideal"},
    "bfloat16": {"periphery": "ideal", "forward": "native-bf16"},
    "converters": {"periphery": "standard?adc_bits=4"},
    "read noise": {"preset": "rram"},
    "dynamic ranges": {"tile": "torch"},
    "slices": {"periphery": "isaac"},
    "blocks": {"grouped": "blocks"},
    "philox": {"periphery": "ideal", "stream": "philox"},
    "philox, converters": {"stream": "philox"},
    "folded": {"bn": "fold"},
    "recalibrated": {"bn": "recalibrate", "recalibrate": images(40)},
    "wires": {"effects": ("wires?r_row=1",)},
    "stuck": {"effects": ("stuck?rate_off=0.1",)},
}


# Bit by bit and slice by slice, each operation in Python.
LONG = {"slices": pytest.mark.slow}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=LONG.get(name, ()), id=name) for name in CHIPS]
)
def test_a_chip_computes_there_what_it_computes_here(name: str) -> None:
    x = images(2)
    analog = convert(network(), **{"preset": "pcm", "calibrate": x, **CHIPS[name]})
    late = 1.0 if name == "read noise" else 86_400.0
    moments: tuple[tuple[float, Compensation], ...] = ((1.0, "global"), (late, "exact"))
    here, there = (program(analog, recalibrate=False) for _ in range(2))
    with pretended_cuda(), torch.no_grad():
        there.to("cuda")
        for t_s, compensation in moments:
            here.drift_(t_s, compensation)
            there.drift_(t_s, compensation)
            torch.manual_seed(1)
            expected = here(x)
            torch.manual_seed(1)
            found = there(x.to("cuda"))
            assert found.device == DEVICE
            torch.testing.assert_close(found.cpu(), expected, rtol=1e-5, atol=1e-6)


def test_a_chip_is_scored_there() -> None:
    data = [(images(4), torch.arange(4))]
    analog = convert(network(), preset="pcm", calibrate=images(4), periphery="ideal")
    here, there = (program(analog).drift_("1d") for _ in range(2))
    with pretended_cuda():
        assert score(there.to("cuda"), data, "cuda") == score(here, data, "cpu")


def written(out: Tensor, flat: Any, tables: Any, key: Tensor, trials: Tensor) -> Tensor:
    """In place of the kernel: its arguments lie on the device, and the CPU writes."""
    given = [out, flat.clean, key, trials]
    given += [one for one in vars(tables).values() if isinstance(one, Tensor)]
    assert all(isinstance(one, Pretended) for one in given)
    (row,), (trial,) = (one.inner for one in (out.view(1, -1), trials))  # type: ignore[attr-defined]
    cpu.noisy_(row, flat.clean.inner, LAYOUTS[-1], seed=0, trial=int(trial))
    return out


LAYOUTS: list[cpu.Layout] = []


def test_gaussian_noise_is_drawn_there(monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_in_memory((images(8), torch.arange(8)))
    made = launch.make_tables

    def kept(flat: Any, layout: cpu.Layout) -> Any:
        LAYOUTS.append(layout)
        return made(flat, layout)

    monkeypatch.setattr(launch, "make_tables", kept)
    monkeypatch.setattr(launch, "write_copies_", written)
    level = Level(scope="variance-clamped", reference="std", eta=0.3)
    with pretended_cuda():
        found = [
            make_noisy(network(), data, batch_size=4, device=device).score(level, seed=0, draw=2)
            for device in ("cpu", "cuda")
        ]
    assert found[0] == found[1]
    assert len(LAYOUTS) == 1


def hardened(device: str, **changes: Any) -> tuple[float, dict[str, Tensor]]:
    """The loss of a step, and the weights after two of them."""
    net = small().to(device)
    data = held()
    data = replace(data, images=data.images.to(device), labels=data.labels.to(device))
    recipe = Recipe(precision="fp32", batch_size=4, epochs=1, ema_decay=0.0)
    work = method(**changes).begin(net, recipe, data, 2)
    optimiser = make_optimiser(net, recipe)
    result = train_epoch_(
        net, optimiser, None, data, recipe, work, epoch=0, on_step=lambda step, loss: None,
        where="this training",
    )  # fmt: skip
    return result.loss, {name: one.detach().cpu() for name, one in net.state_dict().items()}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="noise"),
        pytest.param({"distill": 0.5}, id="labels too", marks=pytest.mark.slow),
        pytest.param(
            {"effects": ("stuck?rate_off=0.1",)}, id="stuck cells", marks=pytest.mark.slow
        ),
    ],
)
def test_an_epoch_against_chips_is_that_of_the_cpu(changes: dict[str, Any]) -> None:
    with pretended_cuda():
        (here, expected), (there, found) = (hardened(one, **changes) for one in ("cpu", "cuda"))
    assert there == pytest.approx(here, rel=1e-5)
    for name, one in expected.items():
        torch.testing.assert_close(found[name], one, rtol=1e-4, atol=1e-6)


def test_an_epoch_through_converters_is_that_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the CPU without its compiled converters, which draw otherwise."""
    for module in (converters, currents):
        monkeypatch.setattr(module, "compiled", lambda: None)
    with pretended_cuda():
        (here, _), (there, _) = (hardened(one, periphery="standard") for one in ("cpu", "cuda"))
    assert there == pytest.approx(here, rel=1e-5)
