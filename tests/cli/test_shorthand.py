"""Effects with an option of their own: `--faults`, the key of a spec, and the axis of a sweep."""

import base64
import json

import pytest

from analogsim.cli.main import run
from analogsim.crossbar.mapping.periphery import STANDARD
from analogsim.errors import InputError
from analogsim.experiment.axes import shown_text
from analogsim.experiment.setting import Setting, unswept
from analogsim.spec.file import as_toml, parse_spec
from analogsim.spec.table import spec_schema
from device_models.effects import EFFECTS, SHORTHANDS, Faults, GainError, Stuck, spec_of_shorthand
from device_models.errors import DeviceError
from device_models.ideal import Ideal
from tests.cli.tiny import IMAGES, NET, ON, document

SMALL = ("--limit", "40", "--chips", "2", "--times", "1d", "--workers", "1")
FAULTS = "faults?on=0.01&off=0.02"
SPEC = f"""
model = "{NET}"
data = "{IMAGES}"
limit = 40
presets = ["pcm"]
times = ["1d"]
effects = ["gain_error?std=0.1"]
{{line}}
[design]
chips = 2
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SHORTHANDS)
def test_each_has_an_option_a_key_and_an_example_that_works(name, capsys):
    short = SHORTHANDS[name]
    assert short.effect in EFFECTS
    spec = spec_of_shorthand(name, short.example)
    assert spec.partition("?")[0] == short.effect
    assert spec_of_shorthand(name, spec) == spec
    assert spec_of_shorthand(name, "none") == short.effect
    assert run(["drift", *ON, f"--{name}", short.example, "--print-spec"]) == 0
    assert f'effects = ["{spec}"]' in capsys.readouterr().out
    assert name in spec_schema()["properties"]
    made = parse_spec(SPEC.format(line=f'{name} = "{short.example}"'), "s.toml")
    assert made.effects == ("gain_error?std=0.1", spec)


@pytest.mark.parametrize("text", ["on=1%,off=2%", " on = 0.01 , off=2 %", FAULTS])
def test_one_form_is_kept(text):
    assert spec_of_shorthand("faults", text) == FAULTS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on=200%", r"effect 'faults' on must be in \[0, 1\], got 2.0"),
        ("on=x%", "effect 'faults' must have numbers in front of %, got 'x%'"),
        ("on", "effect 'faults' on must be a number, got None"),
        ("wires=1", "effect 'faults' option must be one of on, off, open"),
        ("on=1%,on=2%", "effect 'faults' option 'on' must be given once"),
        ("", "faults must be an effect in short, got ''; write on=1%,off=1%"),
    ],
)
def test_a_wrong_text_is_refused(text, said):
    with pytest.raises(DeviceError, match=said):
        spec_of_shorthand("faults", text)


def test_an_option_a_spec_and_an_effect_are_one_run(folder):
    assert run(["drift", *ON, *SMALL, "--faults", "on=1%,off=2%", "-o", "a"]) == 0
    assert run(["drift", *ON, *SMALL, "--effect", FAULTS, "-o", "b"]) == 0
    plain = SPEC.replace('effects = ["gain_error?std=0.1"]', "")
    (folder / "s.toml").write_text(plain.format(line='faults = "on=0.01,off=0.02"'))
    assert run(["run", "s.toml", "--workers", "1", "-o", "c"]) == 0
    headers = [document(folder / name / "run.json") for name in "abc"]
    assert [one["spec"]["effects"] for one in headers] == [[FAULTS]] * 3
    assert len({one["spec_digest"] for one in headers}) == 1
    # The same folder goes on with another spelling.
    assert run(["drift", *ON, *SMALL, "--faults", "off=0.02,on=0.01", "-o", "a"]) == 0


def test_a_wrong_key_is_refused_with_its_line(folder, capsys):
    (folder / "wrong.toml").write_text(SPEC.format(line='faults = "on=2"'))
    assert run(["run", "wrong.toml", "-o", "a"]) == 2
    assert "line 8: faults 'on=2': effect 'faults' on must be in [0, 1]" in capsys.readouterr().err
    noise = 'kind = "noise"\nmodel = "zoo:digits_cnn"\ndata = "digits"\nfaults = "on=1%"\n'
    (folder / "noise.toml").write_text(noise)
    assert run(["run", "noise.toml", "-o", "a"]) == 2
    assert "faults must be left out of a spec of kind noise" in capsys.readouterr().err
    matched = SPEC.replace("[design]", 'gaussian = "matched"\n[design]').replace("effects", "#")
    with pytest.raises(InputError, match=r"effects must be left out with gaussian, .*\['faults"):
        parse_spec(matched.format(line='faults = "on=1%"'), "s")


def test_a_sweep_of_texts_and_one_of_an_option(folder):
    values = "none;off=10%;on=5%,off=10%"
    assert run(["drift", *ON, *SMALL, "--set", f"faults={values}", "-o", "a"]) == 0
    header = document(folder / "a" / "run.json")
    points = [{"faults": text} for text in ("faults", "faults?off=0.1", "faults?on=0.05&off=0.1")]
    assert header["spec"]["points"] == points
    assert "effects" not in header["spec"]
    spec = (folder / "a" / "spec.toml").read_text()
    assert as_toml(parse_spec(spec, "s")) == spec
    # A point is the run of its effect.
    option = ("--faults", "off=10%", "--set", "faults.on=0,0.05")
    assert run(["drift", *ON, *SMALL, *option, "-o", "b"]) == 0
    assert document(folder / "b" / "run.json")["spec"]["effects"] == ["faults?off=0.1"]
    assert run(["drift", *ON, *SMALL, "--faults", "on=5%,off=10%", "-o", "c"]) == 0

    def answers(name, **point):
        lines = (folder / name / "records.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [one["n_correct"] for one in found if one.get("point", {}) == point]

    assert answers("a", faults="faults?on=0.05&off=0.1") == answers("c")
    assert answers("b", **{"faults.on": 0.05}) == answers("c")
    assert answers("a", faults="faults?off=0.1") == answers("b", **{"faults.on": 0})
    assert len(answers("c")) == 2


def test_what_is_swept_leaves_no_trace_in_the_part_of_all_points(folder):
    (folder / "map.csv").write_text("array,row,column,cell,state\n0/0,0,0,plus,on\n")
    base = (Stuck(rate_on=0.1), Faults(off=0.2, pairs=True))
    start = Setting(periphery=STANDARD, device=Ideal(), seed=0, effects=base)
    for axis, value in (("faults.on", 0.1), ("faults.map", "map.csv"), ("faults.remap", "rows")):
        made = start.at({axis: value}).effects
        assert made != base
        assert unswept(made, [axis]) == base
    made = start.at({"faults": "faults?on=0.5"}).effects
    assert made == (base[0], Faults(on=0.5))
    assert unswept(made, ["faults"]) == unswept(base, ["faults"]) == base[:1]
    # Where there was none, it is behind the others.
    made = start.at({"gain_error.std": 0.1}).effects
    assert made == (*base, GainError(std=0.1))
    assert unswept(made, ["gain_error.std"]) == (*base, GainError())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("faults", "none"),
        ("faults?on=0.01&pairs=true", "on=0.01,pairs=true"),
        ("standard", "standard"),
        (0.5, "0.5"),
        (True, "true"),
    ],
)
def test_tables_and_charts_show_them_in_short(value, text):
    assert shown_text(value) == text


def test_what_cannot_be_swept(capsys):
    for given, said in (
        ("faults=on=2", "effect 'faults' on must be in [0, 1], got 2"),
        ("faults.on=2", "sweep faults.on = 2: effect 'faults' on must be in [0, 1], got 2"),
        ("faults.x=2", "EFFECT.OPTION, got 'faults.x'"),
    ):
        assert run(["drift", *ON, *SMALL, "--set", given, "-o", "never"]) == 2
        assert said in capsys.readouterr().err
    twice = ("--effect", "faults", "--effect", "faults", "--set", "faults.on=0.1")
    assert run(["drift", *ON, *SMALL, *twice, "-o", "never"]) == 2
    assert "must be of one effect, got 2 named faults" in capsys.readouterr().err
    stream = ("--stream", "philox", "--set", "faults=on=1%")
    assert run(["drift", *ON, *SMALL, *stream, "-o", "never"]) == 2
    assert "stream 'philox' must have no effects, got faults" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("1ohm", "wires?r_row=1.0&r_col=1.0"),
        ("0.5 ohm, rows=128", "wires?r_row=0.5&r_col=0.5&rows=128"),
        ("col=2ohm,sense=50ohm,pairs=columns", "wires?r_col=2.0&r_sense=50.0&pairs=columns"),
        ("row=1,r_driver=20", "wires?r_row=1.0&r_driver=20.0"),
        ("aihwkit", "wires?r_col=0.35"),
        ("irdrop_t,rows=64", "wires?r_col=0.15&rows=64&pairs=rows&sensed=both"),
        ("none", "wires"),
    ],
)
def test_wires_in_short(text, spec):
    assert spec_of_shorthand("wires", text) == spec


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("thick", r"effect 'wires' must have resistances in ohm or one of aihwkit, .* got 'thick'"),
        ("row=much", r"effect 'wires' must have resistances in ohm .* got 'much'"),
        ("-1ohm", r"effect 'wires' r_row must be finite and >= 0 ohm, got -1.0"),
        ("1ohm,height=3", r"effect 'wires' option must be one of r_row, .* got 'height'"),
    ],
)
def test_wrong_wires_in_short_are_refused(text, said):
    with pytest.raises(DeviceError, match=said):
        spec_of_shorthand("wires", text)


def test_wires_of_a_command_a_spec_and_a_sweep(folder):
    assert run(["drift", *ON, *SMALL, "--wires", "5ohm", "-o", "a"]) == 0
    made = parse_spec(SPEC.format(line='wires = "row=5ohm,col=5ohm"'), "s.toml")
    assert made.effects[1:] == ("wires?r_row=5.0&r_col=5.0",)

    def right(packed):
        return sum(byte.bit_count() for byte in base64.b64decode(packed))

    def correct(name):
        lines = (folder / name / "records.jsonl").read_text().splitlines()
        return [json.loads(line)["correct"] for line in lines]

    assert document(folder / "a/run.json")["spec"]["effects"] == ["wires?r_row=5.0&r_col=5.0"]
    assert run(["drift", *ON, *SMALL, "--set", "wires=none,5ohm,500ohm", "-o", "c"]) == 0
    lines = [json.loads(line) for line in (folder / "c/records.jsonl").read_text().splitlines()]
    found = {}
    for line in lines:
        found.setdefault(line["point"]["wires"], []).append(line)
    assert list(found) == ["wires", "wires?r_row=5.0&r_col=5.0", "wires?r_row=500.0&r_col=500.0"]
    none, some, much = ([line["correct"] for line in one] for one in found.values())
    # As the run of one resistance; and worse where wires are as bad as cells.
    assert some == correct("a")
    assert max(map(right, much)) < min(map(right, none))


def test_a_sweep_of_wires_needs_a_device_with_conductance(capsys):
    assert run(["drift", *ON, *SMALL, "--preset", "gaussian", "--set", "wires=1ohm"]) == 2
    assert "got no g_max of preset 'gaussian'" in capsys.readouterr().err
