"""Chips whose network goes through torch's compiler."""

import copy
import os
import shutil
import subprocess
import sys

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from analogsim import InputError, convert, evaluate, load, program, save
from analogsim.crossbar.forward import compiled
from tests.cli.tiny import ON
from tests.crossbar.nets import relative_error, small_inputs, small_net

# torch's compiler imports parts of torch that torch calls deprecated.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="needs a C++ compiler"
)


def chips(forward, **options):
    x = small_inputs()
    analog = convert(
        small_net(), "pcm", "ideal", calibrate=x, tile="torch", forward=forward, **options
    )
    return program(analog), x


@needs_compiler
@pytest.mark.parametrize("bn", ["digital", "fold", "recalibrate"])
def test_it_computes_what_native_computes(bn):
    options = {"recalibrate": small_inputs()} if bn == "recalibrate" else {}
    (ours, x), (plain, _) = (chips(f, bn=bn, **options) for f in ("native-compiled", "native"))
    for t_s in (1.0, 86400.0):
        with torch.inference_mode():
            got, expected = ours.drift_(t_s)(x), plain.drift_(t_s)(x)
        assert relative_error(got, expected) < 1e-5
    with torch.no_grad():
        assert relative_error(ours(x[:3]), plain(x[:3])) < 1e-5


@needs_compiler
def test_other_weights_compile_nothing_anew(monkeypatch):
    compiled.check_compiler()
    counter = CompileCounterWithBackend("inductor")
    passed = torch.compile(lambda module, args, kwargs: module(*args), backend=counter)
    monkeypatch.setattr(compiled, "_compiled", lambda: passed)
    chip, x = chips("native-compiled", stream="aihwkit")
    seen = []
    for number in range(10):
        other = program(chip.analog, chip=number)
        for t_s in (1.0, 3600.0):
            seen.append(other.drift_(t_s)(x))
    assert counter.frame_count == 1
    assert all(not torch.equal(a, b) for a, b in zip(seen, seen[1:], strict=False))
    other(x[:4]), other(x[:5]), other(x[:6])
    assert counter.frame_count == 2


@needs_compiler
def test_gradients_and_transforms_take_the_plain_pass():
    (ours, x), (plain, _) = chips("native-compiled"), chips("native")
    inputs = [x.clone().requires_grad_() for _ in range(3)]
    ours(inputs[0]).sum().backward()
    # The same modules without the compiler, in the order in which a chip takes images.
    ours.module(inputs[1].contiguous(memory_format=torch.channels_last)).sum().backward()
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    # A native chip computes BatchNorm with its layers' factors.
    plain(inputs[2]).sum().backward()
    assert relative_error(inputs[0].grad, inputs[2].grad) < 1e-5
    assert inputs[0].grad.abs().sum() > 0
    transformed = torch.func.grad(lambda images: ours(images).sum())(x)
    assert relative_error(transformed, inputs[1].grad) < 1e-5


@needs_compiler
def test_copies_and_folders(tmp_path):
    chip, x = chips("native-compiled")
    with torch.no_grad():
        expected = chip(x)
        assert torch.equal(copy.deepcopy(chip)(x), expected)
        folder = save(chip, tmp_path / "chip")
        again = load(folder, model=small_net())
        assert again.analog.forward == "native-compiled"
        assert torch.equal(again(x), expected)
    labels = expected.argmax(dim=1)
    assert evaluate(again, [(x, labels)]).accuracy == 1.0


def test_only_for_an_ideal_periphery():
    with pytest.raises(InputError, match="must have an ideal periphery, got 'standard'"):
        convert(small_net(), "pcm", calibrate=small_inputs(), forward="native-compiled")


def command_line(*arguments, **environment):
    program = "from analogsim.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)],
        env=os.environ | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


# A network of few products: what takes time is to compile them.
DRIFT = (
    *("drift", *ON),
    *("--periphery", "ideal", "--forward", "native-compiled"),
)


def test_without_a_compiler_it_is_refused_before_anything_is_programmed(tmp_path):
    folders = {"CXX": "no-such-compiler", "TORCHINDUCTOR_CACHE_DIR": tmp_path / "cache"}
    done = command_line(*DRIFT, "-o", tmp_path / "out", **folders)
    assert done.returncode == 2, done.stderr
    assert "must have a C++ compiler that torch can use, got 'no-such-compiler'" in done.stderr
    assert "Traceback" not in done.stderr


@needs_compiler
def test_workers_after_the_first_compilation_do_not_wait(tmp_path):
    # With helpers of the compiler's own, a worker that is forked after them can hang.
    few = ("--times", "1s", "--chips", 4, "--workers", 2, "-o", tmp_path / "out")
    done = command_line(*DRIFT, *few, TORCHINDUCTOR_CACHE_DIR=tmp_path / "empty")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out" / "records.jsonl").read_text().splitlines()) == 4
