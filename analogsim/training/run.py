"""A whole training: from a network's name to its weights and their provenance."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import Tensor, nn

from analogsim.crossbar.chip.evaluate import evaluate
from analogsim.errors import InputError
from analogsim.experiment.describe import weights_digest
from analogsim.experiment.lock import locked
from analogsim.inputs.batching import batches
from analogsim.inputs.data import Data
from analogsim.inputs.fingerprint import code_fingerprints, image_fingerprint
from analogsim.inputs.fit import check_fit
from analogsim.inputs.trained_folder import is_trained_folder
from analogsim.training.epoch import make_optimiser, train_epoch_
from analogsim.training.images import TrainImages
from analogsim.training.log import append_epoch, cut_log, read_log
from analogsim.training.method import kept_epoch
from analogsim.training.plan import Plan, open_folder
from analogsim.training.provenance import read_provenance, write_half, write_weights
from analogsim.training.state import (
    STATE_FILE,
    State,
    read_state,
    remove_state,
    restore_,
    write_state,
)
from analogsim.training.task import (
    EVALUATION_BATCH,
    Training,
    check_small_images,
    images_in_memory,
    start_model,
    trained_model,
)

# (epochs done, steps in an epoch, steps done in this epoch, loss of the last step)
OnProgress = Callable[[int, int, int, float], None]
OnEpoch = Callable[[dict[str, Any]], None]


def train(
    training: Training,
    folder: Path,
    *,
    resume: bool = True,
    beside: Sequence[str] = (),
    on_progress: OnProgress = lambda *_: None,
    on_epoch: OnEpoch = lambda _: None,
) -> dict[str, Any]:
    """Train to the end, or go on with what was broken off; return the provenance.

    The folder gets `training.json`, `metrics.jsonl` with a line an epoch, `state.pt` while the
    training lasts, and at its end `weights.safetensors` with its provenance `weights.json`. A
    training that is killed and started again gives the same weights as an unbroken one, bit
    for bit on the same machine with the same number of threads. `beside` are names of what may lie
    in the folder before.

    Warns (ResumeWarning) where the folder is too old to tell whether its images are these.

    Raises:
        InputError: network, data and recipe do not fit each other, or the loss is not finite.
        OutputError: the folder holds something else, or cannot be written.
    """
    recipe = training.recipe
    if training.trained:
        model = trained_model(training)
    else:
        model = start_model(training.model, recipe.seed)
    check_fit(model, training.train)
    check_small_images(model, recipe, training.train.input_shape)
    data = images_in_memory(training.train, recipe, torch.device(training.device))
    plan = Plan(
        model=training.model,
        data=training.train.name,
        normalisation=training.train.normalisation,
        n_train=len(data.labels),
        recipe=recipe.to_json() | dict(training.method.to_json()),
        inputs={
            **({"weights": weights_digest(model.module)} if training.trained else {}),
            "training images": image_fingerprint(training.train),
            "test images": image_fingerprint(training.test),
            **code_fingerprints("network", model.files),
            **code_fingerprints("data", training.train.files),
        },
    )
    open_folder(folder, plan, resume=resume, beside=beside)
    with locked(folder):
        if is_trained_folder(folder):
            finished = read_provenance(folder)
            # A kill may have come between the weights and this.
            remove_state(folder)
            if not training.half or finished.get("stored") == "float16":
                return finished
            return write_half(training, folder, finished)
        data, held = data.without(training.method.held_out, seed=recipe.seed)
        network, learned = _run(training, model.module, data, held, folder, on_progress, on_epoch)
        provenance = write_weights(training, network, folder, learned)
        # Last, so that a kill before this line loses nothing.
        remove_state(folder)
    return provenance


def _run(
    training: Training,
    start: nn.Module,
    data: TrainImages,
    held: TrainImages,
    folder: Path,
    on_progress: OnProgress,
    on_epoch: OnEpoch,
) -> tuple[nn.Module, Mapping[str, Any]]:
    """Train to the end; the network that is kept, and what was learned beside it."""
    recipe, device = training.recipe, data.images.device
    network: nn.Module = start.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub lacks this form
    steps = len(data.labels) // recipe.batch_size
    method = training.method.begin(network, recipe, held, recipe.epochs * steps)
    whole = _Whole(network, method.extra)
    optimiser = make_optimiser(whole, recipe)
    # What is kept in the end, where that is not the last epoch's network.
    kept = copy.deepcopy(whole) if recipe.ema_decay or method.chooses else None
    average = kept if recipe.ema_decay else None
    past = None if kept is None else kept.stored
    done = _restore_(whole.stored, optimiser, past, folder, recipe.epochs)
    for epoch in range(done, recipe.epochs):
        began = monotonic()
        result = train_epoch_(
            network,
            optimiser,
            None if average is None else average.network,
            data,
            recipe,
            method,
            epoch=epoch,
            on_step=partial(on_progress, epoch, steps),
            where=f"training {training.model} on {training.train.name}",
        )
        method.epoch_(network)
        seconds = monotonic() - began
        measured = network if average is None else average.network
        test = evaluate(measured, _on(training.test, device))
        entry = {
            "epoch": epoch + 1,
            "steps": (epoch + 1) * steps,
            "learning_rate": recipe.rate((epoch + 1) * steps - 1, recipe.epochs * steps),
            "train_loss": result.loss,
            "train_accuracy": result.accuracy,
            "test_accuracy": test.accuracy,
            "test_nan": test.n_nan,
            "seconds": round(seconds, 3),
            **method.measure(measured, epoch),
        }
        curve = [*read_log(folder), entry]
        if method.chooses and past is not None and kept_epoch(curve) == epoch:
            past.load_state_dict(whole.stored.state_dict())
        write_state(
            folder,
            State(
                epoch=epoch + 1,
                network=whole.stored.state_dict(),
                optimiser=optimiser.state_dict(),
                average=None if past is None else past.state_dict(),
                log_bytes=append_epoch(folder, entry),
            ),
        )
        on_epoch(entry)
    made = whole if kept is None else kept
    return made.network, method.learned(made.extra)


class _Whole(nn.Module):
    """A network and what is trained beside it."""

    def __init__(self, network: nn.Module, extra: nn.Module | None) -> None:
        super().__init__()
        self.network = network
        self.extra = extra

    @property
    def stored(self) -> nn.Module:
        """Whose state is kept: the network's own where nothing is beside it."""
        return self.network if self.extra is None else self


def _on(data: Data, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in batches(data, EVALUATION_BATCH):
        yield images.to(device), labels


def _restore_(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: nn.Module | None,
    folder: Path,
    epochs: int,
) -> int:
    state = read_state(folder)
    cut_log(folder, 0 if state is None else state.log_bytes)
    if state is None:
        return 0
    done = len(read_log(folder))
    if not done == state.epoch <= epochs:
        raise InputError(
            f"training log in {folder} must have as many epochs as {STATE_FILE}, {state.epoch} of "
            f"{epochs}, got {done}; restore both, or train again in another folder"
        )
    restore_(state, network, optimiser, average, where=f"training state {folder / STATE_FILE}")
    return state.epoch
