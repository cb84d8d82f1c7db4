"""The arithmetic of a training that nobody chose."""

import json

import pytest

from analogsim.training import precision
from analogsim.training.precision import usual_precision


@pytest.mark.parametrize(
    ("device", "in_hardware", "expected"),
    [("cpu", True, "bf16"), ("cpu", False, "fp32"), ("cuda", False, "bf16")],
)
def test_bf16_where_it_is_in_hardware(tmp_path, monkeypatch, device, in_hardware, expected):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: in_hardware)
    assert usual_precision(device, tmp_path / "not-there") == expected


@pytest.mark.parametrize("in_hardware", [True, False])
@pytest.mark.parametrize("began", ["bf16", "fp32"])
def test_a_training_goes_on_as_it_began(tmp_path, monkeypatch, in_hardware, began):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: in_hardware)
    (tmp_path / "training.json").write_text(json.dumps({"recipe": {"precision": began}}))
    assert usual_precision("cpu", tmp_path) == began


@pytest.mark.parametrize(
    "content", ["", "[1]", "{}", '{"recipe": 3}', '{"recipe": {"precision": "fp8"}}', "\udcff"]
)
def test_a_plan_that_cannot_be_read_decides_nothing(tmp_path, monkeypatch, content):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    (tmp_path / "training.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert usual_precision("cpu", tmp_path) == "fp32"
