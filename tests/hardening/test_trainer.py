"""The noise of chips through the callbacks of transformers' own Trainer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainingArguments

from analogsim.errors import InputError
from analogsim.hardening.noise import TrainingNoise
from tests.hardening.networks import images, small


class _Labelled(nn.Module):
    """A network as Trainer calls it; the weights of each forward pass are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.network = small()
        self.seen: list[Tensor] = []

    def forward(self, pixels: Tensor, labels: Tensor) -> dict[str, Tensor]:
        self.seen.append(self.network[0].weight.detach().clone())
        logits = self.network(pixels)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


class _ChipNoise(TrainerCallback):
    def __init__(self, noise: TrainingNoise) -> None:
        self.noise = noise

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.noise.begin_(state.global_step)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.noise.end_()


def test_trainer_trains_against_one_chip_a_step(tmp_path: Path) -> None:
    model = _Labelled()
    twin = small()
    pixels, labels = images(), torch.tensor([0, 3, 5, 9])
    noise = TrainingNoise(model.network, "pcm", calibrate=pixels)
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=2,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        learning_rate=1e-3,
        lr_scheduler_type="constant",
        optim="sgd",
        max_grad_norm=0.0,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    data = [{"pixels": one, "labels": label} for one, label in zip(pixels, labels, strict=True)]
    clean = model.network[0].weight.detach().clone()
    trainer = Trainer(model, arguments, train_dataset=data, callbacks=[_ChipNoise(noise)])

    trainer.train()

    # Two micro-batches a step see one chip; two steps see two.
    first, again, second, _ = model.seen
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    twins = TrainingNoise(twin, "pcm", calibrate=pixels)
    with twins.step(0):
        assert torch.equal(first, twin[0].weight)
    # Afterwards the weights are clean ones that were trained.
    moved = (model.network[0].weight.detach() - clean).abs().max()
    assert 0 < float(moved) < float((first - clean).abs().max())


def test_a_step_that_has_not_ended_is_named() -> None:
    network = small()
    noise = TrainingNoise(network)
    noise.begin_(4)
    with pytest.raises(InputError, match=r"step 5 must begin after .* got step 4 still open"):
        noise.begin_(5)
    noise.end_()
    noise.end_()
    noise.begin_(5)
    noise.end_()
