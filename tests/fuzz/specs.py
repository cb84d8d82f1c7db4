"""TOML: specs of every kind, and files of periphery."""

import tomllib
from pathlib import Path
from random import Random
from typing import Any

from analogsim.crossbar.mapping import periphery_text
from analogsim.spec.file import as_toml, read_spec
from analogsim.toml_text import toml_value
from device_models.ideal import Ideal
from tests.fuzz.guard import Target
from tests.fuzz.mutate import NUMBERS, edited, mutated

CHIPS = """question = "Why?"
model = "zoo:resnet20?norm=batch"
data = "cifar10"
limit = 20
presets = ["pcm", "rram?interpolate=true", "gaussian?eta=0.05&reference=std"]
times = ["1s", 3600, "1d", 172800.0]
compensation = ["none", "global"]
bn = ["digital", "recalibrate"]
keep_digital = ["conv1", "fc"]
mean = [0.5]
std = [0.25]
yield_above = ["90%", 0.8]
[design]
precision = "0.5%"
cost_ratio = 12.5
"""
MATCHED = CHIPS.replace("mean", 'gaussian = "matched"\nmean').replace('"0.5%"', "0.005")
NOISE = """kind = "noise"
model = "net.py:net"
data = "folder:images?size=32"
draws = 5
scopes = ["weights", "variance-clamped", "folded"]
references = ["std", "max"]
etas = ["1%", "7%", 0.3]
"""
NETWORKS = """
[[networks]]
label = "a"
model = "zoo:resnet20?norm=batch"
pair = "p"
arm = "with"
published = "resnet44"
training_seed = 1
[[networks]]
label = "b"
model = "zoo:resnet20?norm=none"
pair = "p"
arm = "without"
growth = "g"
untrained = true
"""
SUITE = 'data = "cifar10"\npresets = ["pcm"]\ntimes = ["1s"]\n[design]\nchips = 4\n' + NETWORKS
NOISES = NOISE.replace('model = "net.py:net"\n', "") + NETWORKS
SPECS = (CHIPS, MATCHED, NOISE, SUITE, NOISES)
PERIPHERY = (
    'dac_bits = 6\nadc_bits = 9\noutput_noise = 0.05\ninput_scaling = "dynamic"\nir_drop = 0.5\n'
)
_TOKENS = (
    b"nan", b"inf", b"-1", b"1e400", b"[", b"]", b"{", b"}", b"=", b'"""', b"'''", b"#", b"\n",
    b"1979-05-27T07:32:00Z", b"07:32:00", b"0x" + b"f" * 300, b"\\uD800", b"\x00", b"\x1b[2J",
    b"[[networks]]\n", b"[design]\n", b"a.b.c = 1\n", b"." * 80, b"\xff", b"true", b'"x" = 1\n',
    b"model.x = 1\n", b"_" * 3, b"=\n", b"[" * 2000, b"\xe2\x80\xae", b"9" * 5000, b"1_000",
)  # fmt: skip
VALUES = (
    *NUMBERS[:-1], "zoo:", "zoo:resnet20?classes=-1", "zoo:vgg16?norm=x&stages=9", "pcm?", "?",
    "pcm?nu=1", "gaussian?eta=nan", "gaussian?eta=-1", "rram", "my.py:thing", "folder:", "npz:",
    True, [], [[]], {}, {"a": {}}, "", "1s", "1e999s", "-1d", "0%", "101%", "nan", "inf", "x",
    float("nan"), float("inf"), 1e308, -0.0, 5e-324, 0.5, "\x00", "\x1b[2J", "a\nb", "\u202e",
    "../../etc/passwd", "/dev/zero", "x" * 3000, [0] * 300, ["pcm"] * 3, "matched", "noise",
)  # fmt: skip


def as_text(value: Any, depth: int = 0) -> str:
    """A value as TOML, whatever it is; None has none."""
    if depth > 100:
        return "0"
    if isinstance(value, dict):
        parts = (f"{toml_value(k)} = {as_text(v, depth + 1)}" for k, v in value.items())
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_text(one, depth + 1) for one in value) + "]"
    return "0" if value is None else toml_value(value)


def document(content: Any) -> str:
    """A document as TOML: plain keys first, then tables."""
    if not isinstance(content, dict):
        return as_text(content)
    plain = [f"{toml_value(k)} = {as_text(v)}" for k, v in content.items()]
    return "\n".join([*plain, ""])


def _toml(name: str, texts: tuple[str, ...]) -> Any:
    def make(folder: Path, draw: Random | None) -> None:
        (folder / "net.py").write_text("")
        content = texts[0].encode()
        if draw is not None:
            text = draw.choice(texts)
            if draw.random() < 0.4:
                content = mutated(text.encode(), draw, _TOKENS)
            else:
                text = document(edited(tomllib.loads(text), draw, VALUES))
                content = text.encode(errors="replace")
        (folder / name).write_bytes(content)

    return make


def _read_periphery(folder: Path) -> None:
    edge = periphery_text.parse(str(folder / "p.toml"))
    edge.as_dict()
    edge.added("native", [Ideal()])


TARGETS = {
    "toml: spec": Target(
        make=_toml("s.toml", SPECS),
        read=lambda folder: as_toml(read_spec(folder / "s.toml")),
        lines=110,
        longest=2000,
    ),
    "toml: periphery": Target(make=_toml("p.toml", (PERIPHERY,)), read=_read_periphery),
}
