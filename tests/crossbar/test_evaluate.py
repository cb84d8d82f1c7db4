import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from analogsim.crossbar.chip.evaluate import evaluate
from analogsim.crossbar.chip.program import program
from analogsim.crossbar.conversion.convert import convert
from analogsim.errors import InputError
from tests.crossbar.nets import small_inputs, small_net


class Fixed(nn.Module):
    """Returns its input as logits."""

    def forward(self, x):
        return x


class Root(nn.Module):
    """Returns the square roots of its input as logits."""

    def forward(self, x):
        return x.sqrt()


def test_counts_by_hand():
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    labels = torch.tensor([0, 1, 0])
    result = evaluate(Fixed(), [(logits[:2], labels[:2]), (logits[2:], labels[2:])])
    assert (result.n_images, result.n_correct, result.n_nan) == (3, 2, 0)
    assert result.accuracy == 2 / 3


def test_nan_is_counted_and_scored_as_class_0():
    # The square root of what is negative; the inputs themselves are never NaN.
    logits = torch.tensor([[-1.0, -1.0], [0.0, -1.0], [0.0, -1.0], [0.0, 1.0]])
    result = evaluate(Root(), [(logits, torch.tensor([0, 0, 1, 1]))])
    assert (result.n_correct, result.n_nan) == (3, 3)


def test_the_training_mode_is_put_back():
    module = Fixed().train()
    evaluate(module, [(torch.eye(2), torch.tensor([0, 1]))])
    assert module.training


def test_no_images_and_wrong_outputs():
    with pytest.raises(InputError, match="at least one image, got none"):
        evaluate(Fixed(), [])
    with pytest.raises(InputError, match=r"\(images, classes\), got \(2, 3, 4\)"):
        evaluate(Fixed(), [(torch.zeros(2, 3, 4), torch.zeros(2))])


@pytest.mark.parametrize("forward", ["native", "tile"])
def test_an_evaluation_repeats_with_its_noise(forward):
    x = small_inputs(64)
    batches = [(x, torch.zeros(64, dtype=torch.int64))]
    chip = program(convert(small_net(), "pcm", calibrate=x, tile="torch", forward=forward)).drift_(
        1e7
    )
    outputs = []
    chip.module.register_forward_hook(lambda m, args, out: outputs.append(out.clone()))
    torch.manual_seed(0)
    evaluate(chip, batches)
    torch.manual_seed(1)
    evaluate(chip, batches)
    evaluate(chip.drift_(2e7), batches)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_images_are_dealt_as_in_a_study():
    x = small_inputs(20)
    net = small_net().eval()
    chip = program(convert(net, calibrate=x)).drift_("1d")
    y = net(x).argmax(1)
    plain = evaluate(chip, [(x, y)])
    assert evaluate(chip, (x, y)) == plain
    assert evaluate(chip, (x.numpy(), y.numpy())) == plain
    assert evaluate(chip, TensorDataset(x, y)) == plain
    assert evaluate(chip, DataLoader(TensorDataset(x, y), batch_size=20)) == plain
    with pytest.raises(InputError, match="data must be images or batches, got int"):
        evaluate(chip, 3)
    with pytest.raises(InputError, match="data must be one of .* got 'nonsense'"):
        evaluate(chip, "nonsense")


def test_time_in_words_is_seconds():
    x = small_inputs(4)
    analog = convert(small_net(), periphery="ideal", calibrate=x)
    one, other = program(analog).drift_("1d"), program(analog).drift_(86400.0)
    assert one.t_s == 86400.0
    assert torch.equal(one(x), other(x))
    with pytest.raises(InputError, match="chip time unit must be one of .* got 'fortnight'"):
        one.drift_("1 fortnight")


def test_network_and_chip_show_themselves_shortly():
    x = small_inputs(4)
    analog = convert(small_net(), calibrate=x)
    head, table = repr(analog).split("\n\n", 1)
    assert len(head.splitlines()) == 5
    assert head.splitlines()[0] == f"AnalogModel of {type(small_net()).__name__} on pcm"
    assert str(analog.coverage) in head
    assert all(line.name in table and line.why in table for line in analog.report)
    chip = program(analog, seed=3, chip=2)
    n = len(analog.layers)
    net = type(small_net()).__name__
    assert repr(chip) == (
        f"Chip 2 of seed 3: {net} on pcm, {n} analog layers, just programmed (compensation none)"
    )
    assert "86400 s after programming (compensation global)" in repr(chip.drift_("1d"))


def test_a_network_that_is_not_converted_is_not_programmed():
    with pytest.raises(InputError, match="must be converted .* got Linear; write program\\(conv"):
        program(nn.Linear(2, 2))
