import pytest
import torch
from torch import nn

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
    chip = program(convert(small_net(), "pcm", calibrate=x, forward=forward)).drift_(1e7)
    outputs = []
    chip.module.register_forward_hook(lambda m, args, out: outputs.append(out.clone()))
    torch.manual_seed(0)
    evaluate(chip, batches)
    torch.manual_seed(1)
    evaluate(chip, batches)
    evaluate(chip.drift_(2e7), batches)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
