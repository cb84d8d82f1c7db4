"""`--stream` and the key `stream` of a spec."""

import json

import pytest

from analogsim.cli.main import run
from tests.cli.tiny import IMAGES, NET, ON

pytest.importorskip("numba", reason="needs numba: pip install 'analogsim-aimc[fast]'")
SPEC = f"""
model = "{NET}"
data = "{IMAGES}"
limit = 40
presets = ["pcm"]
times = ["1s"]
stream = "{{stream}}"
[design]
chips = 2
"""


def drift(folder, *args):
    common = [*ON, "--limit", "40", "--chips", "2"]
    return run(["drift", *common, "--times", "1s", "-o", str(folder), *args])


def accuracies(folder):
    lines = (folder / "records.jsonl").read_text().splitlines()
    return sorted((r["chip"], r["correct"]) for r in map(json.loads, lines))


def test_a_run_says_its_stream_and_keeps_to_it(tmp_path, capsys):
    assert drift(tmp_path / "a", "--stream", "philox") == 0
    header = json.loads((tmp_path / "a" / "run.json").read_text())
    assert header["spec"]["stream"] == "philox"
    assert any("reproducible stream (Philox)" in note for note in header["notes"])
    assert drift(tmp_path / "a") == 2
    assert 'stream: "philox" -> null' in capsys.readouterr().err
    assert drift(tmp_path / "b") == 0
    assert "stream" not in json.loads((tmp_path / "b" / "run.json").read_text())["spec"]


def test_a_spec_has_the_key(tmp_path, capsys):
    (tmp_path / "s.toml").write_text(SPEC.format(stream="philox"))
    assert run(["run", str(tmp_path / "s.toml"), "-o", str(tmp_path / "a")]) == 0
    assert drift(tmp_path / "b", "--stream", "philox") == 0
    assert accuracies(tmp_path / "a") == accuracies(tmp_path / "b")
    (tmp_path / "t.toml").write_text(SPEC.format(stream="torch"))
    assert run(["run", str(tmp_path / "t.toml"), "-o", str(tmp_path / "c")]) == 2
    assert "stream must be aihwkit or philox, got 'torch'" in capsys.readouterr().err


def test_refused(tmp_path, capsys):
    assert drift(tmp_path / "a", "--preset", "rram", "--stream", "philox") == 2
    assert "compiled law (pcm), got 'rram'" in capsys.readouterr().err
    assert not (tmp_path / "a" / "run.json").exists()
    chip = ["zoo:digits_cnn", "--data", "digits", "-o", str(tmp_path / "chip")]
    assert run(["convert", *chip]) == 0
    folder = [str(tmp_path / "chip"), "--data", "digits", "--limit", "40", "--chips", "2"]
    code = run(["drift", *folder, "-o", str(tmp_path / "d"), "--stream", "philox"])
    assert code == 2
    assert "was converted with stream aihwkit, got --stream philox" in capsys.readouterr().err
