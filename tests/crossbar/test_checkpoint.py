import hashlib
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import analogsim
from analogsim import convert, load, program, save
from analogsim.crossbar.folder.checkpoint import ModelNote, load_with_note
from analogsim.errors import InputError, OutputError
from tests.crossbar.nets import small_inputs, small_net

DAY_S = 86400.0
PRESETS = ("ideal", "pcm", "pcm-hermes", "rram", "rram-cmo", "gaussian?eta=0.1&reference=max")
EVERY = [*((preset, "digital") for preset in PRESETS), ("pcm", "fold")]


def outputs(chip):
    with torch.no_grad():
        torch.manual_seed(0)
        return chip(small_inputs())


@pytest.fixture
def saved(tmp_path):
    analog = analogsim.convert(small_net(), "pcm", calibrate=small_inputs())
    analogsim.save(analogsim.program(analog, seed=1, chip=2), tmp_path / "chip")
    return tmp_path / "chip"


@pytest.mark.parametrize(("preset", "bn"), EVERY)
def test_saved_loaded_and_drifted_on_is_never_saved(preset, bn, tmp_path):
    x = small_inputs()
    analog = analogsim.convert(small_net(), preset, bn=bn, calibrate=x)
    chip = analogsim.program(analog, seed=1, chip=2)
    analogsim.save(chip, tmp_path / "programmed")
    loaded = analogsim.load(tmp_path / "programmed", model=small_net())
    assert (loaded.seed, loaded.chip, loaded.t_s) == (1, 2, None)
    assert torch.equal(outputs(loaded), outputs(chip))

    chip.drift_(DAY_S, "column")
    analogsim.save(chip, tmp_path / "drifted")
    drifted = analogsim.load(tmp_path / "drifted", model=small_net())
    assert (drifted.t_s, drifted.compensation) == (DAY_S, "column")
    for other in (loaded.drift_(DAY_S, "column"), drifted):
        assert torch.equal(outputs(other), outputs(chip))
    chip.drift_(2 * DAY_S)
    assert torch.equal(outputs(drifted.drift_(2 * DAY_S)), outputs(chip))
    # A new chip of the loaded network is a new chip of the original one.
    again = analogsim.program(drifted.analog, seed=5, chip=9)
    assert torch.equal(outputs(again), outputs(analogsim.program(analog, seed=5, chip=9)))


def test_a_loaded_chip_keeps_its_table(saved):
    loaded = analogsim.load(saved, model=small_net())
    lines = {line.name: line for line in loaded.report}
    assert lines["3"].tiles == 2
    assert 0.05 < lines["3"].programming_error < 0.07


def test_the_given_network_is_not_changed(saved):
    net = small_net()
    net[0].weight.data.zero_()
    analogsim.load(saved, model=net)
    assert not net[0].weight.detach().any()


def test_what_a_folder_remembers(tmp_path):
    analog = analogsim.convert(small_net(), "pcm", calibrate=small_inputs())
    note = ModelNote(spec="mine.py:net", input_shape=(3, 16, 16), n_classes=10)
    analogsim.save(analogsim.program(analog), tmp_path / "chip", model=note)
    got = load_with_note(tmp_path / "chip", lambda found: small_net())
    assert got.model == note
    with pytest.raises(InputError, match=r"its network \(mine\.py:net\); pass model="):
        analogsim.load(tmp_path / "chip")


def test_a_folder_with_files_is_refused_and_left_alone(saved):
    before = {p.name: p.read_bytes() for p in saved.iterdir()}
    chip = analogsim.load(saved, model=small_net())
    with pytest.raises(OutputError, match="chip must be empty or hold .*, got another chip"):
        analogsim.save(chip, saved)
    assert before == {p.name: p.read_bytes() for p in saved.iterdir()}


def test_an_unwritable_place(tmp_path, saved):
    chip = analogsim.load(saved, model=small_net())
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"file/chip must be writable, got 'Not a directory'"):
        analogsim.save(chip, tmp_path / "file" / "chip")


def edit(folder, **changes):
    path = folder / "chip.json"
    settings = json.loads(path.read_text())
    # Who edits on purpose takes the checksum out.
    del settings["crc32"]
    path.write_text(json.dumps({**settings, **changes}))


def corrupt_json(folder):
    (folder / "chip.json").write_text('{"format": ')


def flip_a_bit(folder):
    path = folder / "chip.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 4
    path.write_bytes(data)


def truncate(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def swap_tensors(folder):
    tensors = load_file(folder / "chip.safetensors")
    tensors["0/0.target"] = tensors["8/0.target"].clone()
    save_file(tensors, folder / "chip.safetensors")
    edit_digest(folder)


def edit_digest(folder):
    names = ("model.safetensors", "chip.safetensors")
    digests = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names}
    edit(folder, sha256=digests)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "chip.json").unlink(), r"must hold chip\.json, got none"),
        (corrupt_json, r"chip\.json cannot be read"),
        (lambda f: edit(f, format="other"), "must be of format 'analogsim-chip'"),
        (lambda f: edit(f, version=9), "must be of version 1, got 9"),
        (lambda f: edit(f, preset="pcn"), "got 'pcn'"),
        (lambda f: edit(f, periphery={"dac": 3}), "got dac"),
        (lambda f: edit(f, layers=7), r"chip\.json: layers must be a list, got 7"),
        (lambda f: edit(f, layers=[]), "must have the layers 0;"),
        (
            lambda f: edit(f, layers=[], merged=[]),
            r"tensor 0/0\.alpha belongs to no tile .* \(\d+ such",
        ),
        (lambda f: edit(f, seed="x"), "seed must be a whole number, got 'x'"),
        (lambda f: edit(f, t_s=-3), "got -3"),
        (lambda f: edit(f, compensation="some"), "compensation must be one of .* got 'some'"),
        (lambda f: edit(f, folded=[["0"]]), r"pairs of names, got \['0'\]"),
        (lambda f: edit(f, folded=[["0", "none"]]), "must have the layers none"),
        (lambda f: edit(f, model={}), "model must have the fields spec, input_shape, n_classes"),
        (lambda f: edit(f, extra=1), "no other fields, got 'extra'"),
        (lambda f: (f / "chip.safetensors").unlink(), r"chip\.safetensors cannot be read"),
        (flip_a_bit, r"chip\.safetensors must be the one .* another digest"),
        (truncate, r"model\.safetensors must be the one"),
        (swap_tensors, r"tensor 0/0\.target must be torch\.float32 of shape \(16, 27\)"),
    ],
)
def test_damaged_folders(saved, damage, message):
    damage(saved)
    with pytest.raises(analogsim.AnalogsimError, match=message):
        analogsim.load(saved, model=small_net())


def test_another_network(saved):
    with pytest.raises(InputError, match="does not fit the stored weights"):
        analogsim.load(saved, model=nn.Linear(3, 2))


def test_a_folder_never_names_paths_outside(saved, tmp_path):
    """The file names are ours; names inside the JSON are not followed."""
    digests = json.loads((saved / "chip.json").read_text())["sha256"]
    outside = tmp_path / "outside.safetensors"
    shutil.copy(saved / "chip.safetensors", outside)
    edit(saved, sha256={**digests, "../outside.safetensors": "0"}, notes=["../../etc/passwd"])
    chip = analogsim.load(saved, model=small_net())
    assert chip.chip == 2


class Outside(nn.Module):
    """Computes with a number that its state dict does not hold."""

    def __init__(self, gain):
        super().__init__()
        self.fc, self.gain = nn.Linear(6, 4), gain

    def forward(self, x):
        return self.gain * self.fc(x)


def test_a_network_that_differs_outside_its_state_is_refused(tmp_path):
    chip = program(convert(Outside(2.0), "pcm", "ideal", calibrate=torch.randn(8, 6)))
    save(chip, tmp_path / "chip")
    again = load(tmp_path / "chip", model=Outside(2.0))
    x = torch.randn(3, 6)
    assert torch.equal(again(x), chip(x))
    with pytest.raises(InputError, match="difference of 0.5 on the example that is stored"):
        load(tmp_path / "chip", model=Outside(3.0))


def test_a_state_that_is_no_tensor_is_refused(tmp_path):
    class Extra(nn.Linear):
        def get_extra_state(self):
            return {"steps": 3}

        def set_extra_state(self, state):
            pass

    chip = program(convert(nn.Sequential(Extra(6, 4)), "pcm", "ideal", calibrate=torch.randn(8, 6)))
    with pytest.raises(InputError, match="got something else in 0._extra_state"):
        save(chip, tmp_path / "chip")
    assert not (tmp_path / "chip").exists()


def test_versions_of_modules_are_kept(tmp_path):
    class Versioned(nn.Linear):
        _version = 2

        def _load_from_state_dict(self, state, prefix, meta, *rest):
            assert meta["version"] == 2
            super()._load_from_state_dict(state, prefix, meta, *rest)

    net = nn.Sequential(Versioned(6, 4))
    chip = program(convert(net, "pcm", "ideal", calibrate=torch.randn(8, 6)))
    again = load(save(chip, tmp_path / "chip"), model=nn.Sequential(Versioned(6, 4)))
    x = torch.randn(3, 6)
    assert torch.equal(again(x), chip(x))
