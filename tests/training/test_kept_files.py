"""What a training keeps: its plan, its log, its state; and how they are refused."""

import json
import pickle

import pytest
import torch

from analogsim.errors import InputError, OutputError, ResumeWarning
from analogsim.training.log import LOG_FILE, append_epoch, cut_log, read_log
from analogsim.training.plan import PLAN_FILE, Plan, open_folder
from analogsim.training.state import STATE_FILE, State, read_state, remove_state, write_state

INPUTS = {"training images": "0a of all", "test images": "1b of all", "network file n.py": "2c"}


def plan(inputs=INPUTS, **recipe):
    return Plan(
        model="zoo:a",
        data="digits",
        normalisation="x",
        n_train=3,
        recipe={"epochs": 2, **recipe},
        inputs=dict(inputs),
    )


def epoch(number):
    return {"epoch": number, "seconds": 1.5, "train_accuracy": 0.5, "test_accuracy": 0.25}


def test_log_is_cut_to_the_last_state(tmp_path):
    length = append_epoch(tmp_path, epoch(1))
    append_epoch(tmp_path, epoch(2))
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write('{"epo')
    cut_log(tmp_path, length)
    assert read_log(tmp_path) == [epoch(1)]
    cut_log(tmp_path, 0)
    assert read_log(tmp_path) == []


def test_log_that_is_too_short_is_refused(tmp_path):
    append_epoch(tmp_path, {"epoch": 1})
    with pytest.raises(
        InputError, match=r"metrics.jsonl must hold at least 99 bytes, got 13; rest"
    ):
        cut_log(tmp_path, 99)


def test_state_comes_back_bit_for_bit(tmp_path):
    parameter = torch.nn.Parameter(torch.randn(3, 2))
    optimiser = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
    parameter.sum().backward()
    optimiser.step()
    state = State(
        epoch=4,
        network={"w": parameter.detach()},
        optimiser=optimiser.state_dict(),
        average=None,
        log_bytes=17,
    )
    assert read_state(tmp_path) is None
    write_state(tmp_path, state)
    back = read_state(tmp_path)
    assert (back.epoch, back.average, back.log_bytes) == (4, None, 17)
    assert torch.equal(back.network["w"], parameter)
    buffer = "momentum_buffer"
    assert torch.equal(back.optimiser["state"][0][buffer], state.optimiser["state"][0][buffer])
    assert back.optimiser["param_groups"] == state.optimiser["param_groups"]
    remove_state(tmp_path)
    assert read_state(tmp_path) is None


class Stranger:
    """Something that only a pickle that runs code could bring back."""


STATES = {
    "empty": (b"", r"must hold weights, got an empty file"),
    "half": (b"half of it", r"must be a whole file of torch\.save, got .*half of it"),
    "code": (pickle.dumps(Stranger(), protocol=2), r"must .* got a plain pickle \(protocol 2\)"),
}


@pytest.mark.parametrize(("content", "message"), STATES.values(), ids=STATES)
def test_damaged_state_is_refused(tmp_path, content, message):
    (tmp_path / STATE_FILE).write_bytes(content)
    with pytest.raises(InputError, match=rf"training state .*state\.pt {message}"):
        read_state(tmp_path)


def test_foreign_state_is_refused(tmp_path):
    torch.save({"epoch": 1, "colour": 2}, tmp_path / STATE_FILE)
    with pytest.raises(
        InputError, match=r"must be whole, got \['epoch', 'colour'\] in place of .*; restore it"
    ):
        read_state(tmp_path)


def test_same_plan_goes_on(tmp_path):
    folder = tmp_path / "t"
    open_folder(folder, plan(), resume=True)
    assert json.loads((folder / PLAN_FILE).read_text())["format"] == "analogsim-training"
    assert open_folder(folder, plan(), resume=True) == folder


def test_different_recipe_is_refused_with_the_difference(tmp_path):
    open_folder(tmp_path, plan(seed=0, lr=0.2), resume=True)
    with pytest.raises(OutputError, match=r"got recipe epochs 2 \(asked for: 9\); recipe lr 0.2 "):
        open_folder(tmp_path, plan(seed=0, lr=0.4, epochs=9), resume=True)
    with pytest.raises(OutputError, match=r"got recipe lr 0.2 \(asked for: nothing\); ask for the"):
        open_folder(tmp_path, plan(seed=0), resume=True)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (INPUTS | {"training images": "9f of all"}, "other training images"),
        (INPUTS | {"network file n.py": "9f"}, "other network file n.py"),
        (
            {"training images": "0a of all", "test images": "9f of all"},
            r"other test images; other network file n.py \(no longer read\)",
        ),
    ],
    ids=["images", "code", "two"],
)
def test_other_inputs_are_refused_by_their_names(tmp_path, inputs, said):
    open_folder(tmp_path, plan(), resume=True)
    before = (tmp_path / PLAN_FILE).read_bytes()
    with pytest.raises(OutputError, match=f"is asked for, got {said}; ask for the same"):
        open_folder(tmp_path, plan(inputs), resume=True)
    assert (tmp_path / PLAN_FILE).read_bytes() == before


def test_an_old_plan_goes_on_and_what_is_unknown_is_said(tmp_path):
    open_folder(tmp_path, plan(), resume=True)
    path = tmp_path / PLAN_FILE
    old = json.loads(path.read_text())
    del old["inputs"]
    path.write_text(json.dumps(old))
    message = r"compared with those of its first epochs: training images, test images, network file"
    with pytest.warns(ResumeWarning, match=message):
        assert open_folder(tmp_path, plan(), resume=True) == tmp_path
    with pytest.raises(
        OutputError, match=r"got recipe epochs 2 \(asked for: 9\); ask for the same"
    ):
        open_folder(tmp_path, plan(epochs=9), resume=True)
    path.write_text(json.dumps(old | {"inputs": 7}))
    with pytest.raises(OutputError, match=r"is asked for, got inputs 7; ask for the same"):
        open_folder(tmp_path, plan(), resume=True)


def test_no_resume_refuses_what_is_there(tmp_path):
    open_folder(tmp_path, plan(), resume=False)
    with pytest.raises(OutputError, match=r"must be an empty folder, got one that holds training"):
        open_folder(tmp_path, plan(), resume=False)


def test_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(OutputError, match=r"got one that holds mine.txt; choose another folder"):
        open_folder(tmp_path, plan(), resume=True)


@pytest.mark.parametrize(("text", "got"), [("{", "Expecting"), ("3", "content 3")], ids=repr)
def test_damaged_plan_is_refused(tmp_path, text, got):
    (tmp_path / PLAN_FILE).write_text(text)
    with pytest.raises((InputError, OutputError), match=f"got '?{got}"):
        open_folder(tmp_path, plan(), resume=True)
