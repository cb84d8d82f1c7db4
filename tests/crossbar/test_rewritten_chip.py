"""Chips of networks with rewritten attention and recurrence: through engines, folders, runs."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from analogsim import convert, load, program, save
from analogsim.cli.main import run
from analogsim.errors import InputError
from tests.gaussian.stream_checks import without_numba_too

pytestmark = [
    without_numba_too,
    # Where attention is kept digital.
    pytest.mark.filterwarnings("ignore::analogsim.errors.CoverageWarning"),
]

DAY_S = 86_400.0
FILE = """
import torch
from torch import nn


class Rows(nn.Module):
    '''Classifies images of digits, row by row.'''

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.memory = nn.GRU(16, 12, batch_first=True)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        h = self.encoder(self.embed(x[:, 0]))
        return self.head(self.memory(h)[0][:, -1])


def make():
    torch.manual_seed(0)
    return Rows().eval()
"""
NAMESPACE: dict[str, object] = {}
exec(FILE, NAMESPACE)  # noqa: S102 - the file that the command is given
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "out_proj"]
LAYERS = [
    "embed",
    *(
        f"encoder.layers.{i}.{name}"
        for i in (0, 1)
        for name in (*(f"self_attn.{one}" for one in PROJECTIONS), "linear1", "linear2")
    ),
    "memory.ih_l0",
    "memory.hh_l0",
    "head",
]


def net() -> nn.Module:
    return NAMESPACE["make"]()  # type: ignore[operator]


def images(n: int = 6) -> torch.Tensor:
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("forward", ["native", "tile", "native-bf16"])
def test_every_engine_computes_the_network(forward: str) -> None:
    analog = convert(net(), "ideal", "ideal", calibrate=images(), tile="torch", forward=forward)
    assert list(analog.layers) == LAYERS
    with torch.no_grad():
        x = images(9)
        error = apart(program(analog)(x), net()(x))
        assert error < (2e-2 if forward == "native-bf16" else 2e-6)
    assert analog.coverage is not None
    assert [one.why for one in analog.coverage.digital] == [
        "products of two activations (attention scores)"
    ] * 2
    assert [one.name for one in analog.coverage.digital] == [
        f"encoder.layers.{i}.self_attn" for i in (0, 1)
    ]


def test_the_network_given_and_the_source_stay_as_they_were() -> None:
    given = net().train()
    before = {name: value.clone() for name, value in given.state_dict().items()}
    analog = convert(given, "pcm", "ideal", calibrate=images())
    for network in (given, analog.source):
        assert type(network.encoder.layers[0].self_attn) is nn.MultiheadAttention
        assert type(network.memory) is nn.GRU
        assert list(network.state_dict()) == list(before)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert given.training


@pytest.mark.parametrize("stream", ["aihwkit", "philox"])
def test_the_draws_of_other_layers_stay_where_they_were(stream: str) -> None:
    if stream == "philox":
        pytest.importorskip("numba")
    whole, part = (
        program(
            convert(net(), "pcm", "ideal", calibrate=images(), keep_digital=keep, stream=stream),
            seed=3,
        ).drift_(DAY_S)
        for keep in ((), ("*.self_attn", "memory"))
    )
    assert list(part.layers) == [
        name for name in LAYERS if "self_attn" not in name and "memory" not in name
    ]
    for name, layer in part.layers.items():
        for tile, other in zip(layer.tiles, whole.layers[name].tiles, strict=True):
            assert torch.equal(tile.weights, other.weights)


@pytest.mark.parametrize("periphery", ["ideal", "standard"])
@pytest.mark.parametrize("keep", [(), ("*layers.0.self_attn",), ("*v_proj", "memory.hh*")])
def test_a_saved_chip_is_the_same_when_it_is_loaded(
    tmp_path: Path, periphery: str, keep: tuple[str, ...]
) -> None:
    analog = convert(net(), "pcm", periphery, calibrate=images(), keep_digital=keep)
    chip = program(analog, seed=2).drift_(1.0)
    save(chip, tmp_path / "chip")
    again = load(tmp_path / "chip", net())
    assert list(again.layers) == list(chip.layers)
    assert [(line.name, line.where, line.why) for line in again.report] == [
        (line.name, line.where, line.why) for line in chip.report
    ]
    x = images(4)
    for one in (chip, again):
        one.drift_(DAY_S)
    with torch.no_grad():
        if periphery == "ideal":
            assert torch.equal(again(x), chip(x))
        else:
            assert again(x).shape == chip(x).shape
    for name, layer in chip.layers.items():
        for tile, other in zip(layer.tiles, again.layers[name].tiles, strict=True):
            assert torch.equal(tile.weights, other.weights)


def test_a_folder_of_before_attention_was_rewritten_is_as_it_was(tmp_path: Path) -> None:
    """Its table has the attention in digital, which decides: not what would be done today."""
    keep = ("*self_attn", "memory")
    chip = program(convert(net(), "pcm", "ideal", calibrate=images(), keep_digital=keep))
    save(chip, tmp_path / "chip")
    path = tmp_path / "chip" / "chip.json"
    settings = json.loads(path.read_text())
    # A file without its checksum is read as it is.
    del settings["crc32"]
    settings["keep_digital"] = []
    path.write_text(json.dumps(settings))
    again = load(tmp_path / "chip", net())
    assert type(again.module.encoder.layers[0].self_attn) is nn.MultiheadAttention
    with torch.no_grad():
        assert torch.equal(again(images()), chip(images()))


def test_a_folder_is_refused_with_another_network(tmp_path: Path) -> None:
    save(program(convert(net(), "pcm", "ideal", calibrate=images())), tmp_path / "chip")
    with pytest.raises(InputError, match="the network given does not fit the stored weights"):
        load(tmp_path / "chip", nn.Sequential(nn.MultiheadAttention(16, 2)))


def test_a_wrong_rewrite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from analogsim.crossbar.conversion.rewrites.attention import ProjectedAttention

    right = ProjectedAttention.forward
    monkeypatch.setattr(
        ProjectedAttention,
        "forward",
        lambda *args, **kwargs: (1.01 * right(*args, **kwargs)[0], None),
    )
    with pytest.raises(
        InputError, match=r"they part at encoder.layers.0.self_attn \(MultiheadAttention\)"
    ):
        convert(net(), "ideal", "ideal", calibrate=images())


def test_commands_take_such_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.py").write_text(FILE)
    data = ["--data", "digits", "--limit", "40"]
    assert run(["convert", "rows.py:make", *data[:2], "--json", "-o", "chip"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in document["layers"] if one["where"] == "analog"] == LAYERS
    assert any("nn.GRU is written with nn.Linear" in note for note in document["notes"])
    drift = ["--times", "1s,1d", "--chips", "2", "--workers", "1", *data]
    assert run(["drift", "chip", "--network", "rows.py:make", *drift, "-o", "a"]) == 0
    assert run(["drift", "rows.py:make", *drift, "-o", "b"]) == 0
    for name in "ab":
        header = json.loads(Path(name, "run.json").read_text())
        assert [one["name"] for one in header["layers"] if one["where"] == "analog"] == LAYERS
        # A run from before would go on with other chips: its digest is another.
        assert header["spec"]["rewrites"] == ["nn.GRU", "nn.MultiheadAttention"]
