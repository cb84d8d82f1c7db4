"""Weight errors as records: read as they were measured, refused when they were damaged."""

import dataclasses
import json

import pytest

from analogsim.equivalent.matching import measure_errors
from analogsim.equivalent.weighed import MatchedJob, Weigh, Weighed
from analogsim.errors import InputError
from analogsim.experiment.condition import Condition
from analogsim.experiment.deal import all_images
from analogsim.inputs.data import load_data
from device_models.registry import parse
from tests.equivalent.nets import small_analog

DAY_S = 86400.0
RRAM = parse("rram")


@pytest.fixture(scope="module")
def weighed():
    """What a worker hands back for one task, and the network."""
    analog = small_analog()
    condition = Condition.of("rram", analog, RRAM)
    job = MatchedJob(
        conditions={condition.name: condition}, data=load_data("digits"), batch_size=8, seed=3,
        device="cpu", digest="0" * 16, versions={"torch": "2"},
    )  # fmt: skip
    task = Weigh(preset="rram", bn=str(analog.bn), chip=1, images=all_images(4), part="main",
                 wanted=((DAY_S, "global"),))  # fmt: skip
    assert str(task) == "weight errors of rram"
    (found,) = job.trials(task, {})
    assert found.key == task.key(DAY_S, "global")
    return found, analog


def test_a_line_holds_what_was_measured_to_the_last_bit(weighed):
    found, analog = weighed
    read = Weighed.from_json(found.to_json(), where="here")
    assert read == found
    assert read.errors(RRAM) == measure_errors(analog, RRAM, DAY_S, "global", 2, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, r"line 1 layers\[0\] must have sums over 1 weight or more"),
        ({"square": -1.0}, r"layers\[0\] must have sums over 1 weight or more in 20 bins"),
        ({"signed": [0.0]}, r"layers\[0\] must have sums over 1 weight or more in 20 bins"),
        ({"weights": ["many"]}, r"layers\[0\] weights\[0\] must be a finite number, got 'many'"),
    ],
    ids=["count", "square", "bins", "text"],
)
def test_what_cannot_be_sums_is_refused(weighed, change, message):
    found, _ = weighed
    first, *rest = found.layers
    other = dataclasses.replace(found, layers=[{**first, **change}, *rest])
    with pytest.raises(InputError, match=message):
        Weighed.from_json(other.to_json(), where="line 1")


def test_a_damaged_line_is_refused(weighed):
    content = json.loads(weighed[0].to_json())
    content["layers"][0]["square"] *= 2
    with pytest.raises(InputError, match="line 7 must be as it was written, got crc32"):
        Weighed.from_json(json.dumps(content), where="line 7")
