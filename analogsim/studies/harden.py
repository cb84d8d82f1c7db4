"""`analogsim.harden`: a trained network that survives the chip, and the study that shows it."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from analogsim.batchnorm.recalibrate import batchnorms
from analogsim.errors import InputError
from analogsim.hardening.method import Hardening
from analogsim.inputs.batching import n_images
from analogsim.inputs.data import Data, load_data
from analogsim.inputs.memory import data_in_memory, network_in_memory
from analogsim.inputs.trained_folder import WEIGHTS_FILE
from analogsim.inputs.user_file import is_user_file
from analogsim.own_files import own_folder
from analogsim.spec.file import spec_of_content
from analogsim.spec.study import DEFAULT_CHIPS, times_of
from analogsim.spec.suite import Suite
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.harden_layers import LAYERS_FOLDER, with_named_layers
from analogsim.studies.harden_method import default_hardening_recipe, method_of
from analogsim.studies.options import PathText, Times, as_document
from analogsim.studies.prepare import say_network
from analogsim.studies.progress import watching
from analogsim.studies.result import Run
from analogsim.studies.run import compute_suite
from analogsim.studies.where import Progress, Where
from analogsim.training.precision import usual_precision
from analogsim.training.recipe import Recipe
from analogsim.training.run import OnEpoch, OnProgress, train
from analogsim.training.task import Training, model_with, trained_model

STUDY_FOLDER = "study"
DIRECT, HARDENED = "direct", "hardened"


@dataclass(frozen=True, kw_only=True)
class Hardened:
    """A hardened network.

    Attributes:
        module: the network with its new weights, digital, in eval mode.
        weights: their file, safetensors, which loads wherever the network's own weights do.
        provenance: how it was made: the recipe, the noise, the curve, the seconds.
        run: the study of the network as it was and as it is, on the same chips.
    """

    module: nn.Module
    weights: Path
    provenance: Mapping[str, Any]
    run: Run

    def __repr__(self) -> str:
        return f"Hardened network, weights in {self.weights}; {self.run.answer}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to harden, and how it is then measured.

    Attributes:
        model, weights: what names the network and its trained weights.
        train, test: the images; `test` is measured on and chooses nothing.
        method: which noise, which loss.
        recipe: how it is trained.
        study: keys of the spec that measures it, but for networks, presets, times and periphery.
        given: what of it is held in memory.
    """

    model: str
    weights: Path | None
    train: Data
    test: Data
    method: Hardening
    recipe: Recipe
    study: Mapping[str, Any]
    given: Given = NOTHING
    device: str = "cpu"


def run_hardening(
    asked: Asked,
    where: Where,
    *,
    resume: bool = True,
    on_progress: OnProgress = lambda *_: None,
    on_epoch: OnEpoch = lambda _: None,
) -> Hardened:
    """Harden the network, or go on with it; then measure it beside what it was.

    The folder gets what `train` writes (`weights.safetensors` and its provenance), the study in
    `study/`, and in `layers/` the attribution that names layers where that is asked.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `train` and as a study of chips; a
            network without trained weights, or whose layers cannot be trained with noise.
    """
    training = Training(
        model=asked.model,
        train=asked.train,
        test=asked.test,
        recipe=asked.recipe,
        command=where.command,
        device=asked.device,
        method=asked.method,
        trained=True,
        weights=asked.weights,
        given=asked.given.model,
    )
    direct = trained_model(training)
    say_network(direct, where.detail)
    network = direct.module
    # Before hours of training; the file of the weights is there only afterwards.
    _suite(asked, network, None)
    where.check_device(asked.device)
    training = with_named_layers(training, asked.given, where)
    provenance = train(
        training,
        where.output,
        resume=resume,
        beside=(LAYERS_FOLDER,),
        on_progress=on_progress,
        on_epoch=on_epoch,
    )
    hardened = dataclasses.replace(
        model_with(training, where.output / WEIGHTS_FILE),
        input_ranges=provenance.get("input_ranges", {}),
    )
    study = dataclasses.replace(where, output=own_folder(where.output / STUDY_FOLDER))
    given = {}
    if asked.given != NOTHING:
        given = {
            DIRECT: asked.given,
            HARDENED: dataclasses.replace(
                asked.given, model=hardened if asked.given.model is not None else None
            ),
        }
    compute_suite(_suite(asked, network, where.output), study, given)
    return Hardened(
        module=hardened.module,
        weights=where.output / WEIGHTS_FILE,
        provenance=provenance,
        run=Run(study.output, kind="suite"),
    )


def _suite(asked: Asked, network: nn.Module, made: Path | None) -> Suite:
    """The spec of the study: both networks, with and without recalibration, on the same chips."""
    method, injection = asked.method, asked.method.injection
    direct: dict[str, Any] = {"label": DIRECT, "model": asked.model}
    if asked.weights is not None:
        direct["weights"] = str(asked.weights)
    hardened = {"label": HARDENED, "model": asked.model, "against": DIRECT}
    if made is not None and asked.given.model is None:
        # The folder, and not its weights alone: it knows the input ranges, too.
        hardened["model"] = str(made)
        if is_user_file(asked.model):
            hardened["network"] = asked.model
    content: dict[str, Any] = {
        "question": f"What does hardening bring {asked.model} on {method.preset}?",
        "presets": [method.preset],
        "times": list(injection.times_s),
        "compensation": [injection.compensation],
        "periphery": method.periphery,
        "bn": ["digital", "recalibrate"] if batchnorms(network, tracking=True) else ["digital"],
        "seed": asked.recipe.seed,
        **({"effects": list(method.effects)} if method.effects else {}),
        **({"keep_digital": list(method.keep_digital)} if method.keep_digital else {}),
        **asked.study,
        "networks": [direct, hardened],
    }
    content = {key: value for key, value in content.items() if value is not None}
    found = spec_of_content(content, "the study after hardening")
    assert isinstance(found, Suite)
    return found


def harden(
    model: object,
    data: object,
    folder: PathText,
    *,
    train: object = None,
    weights: PathText | None = None,
    preset: str = "pcm",
    periphery: str = "standard",
    times: Times = "1s,1h,1d,1y",
    recipe: Recipe | None = None,
    seed: int = 0,
    chips: int = DEFAULT_CHIPS,
    limit: int | None = None,
    device: str = "cpu",
    progress: bool | Progress = False,
    **options: Any,
) -> Hardened:
    """Train a trained network against the noise of chips, and measure what that brings.

    Each step computes with the weights of a fresh chip at a time of its own, drawn by the code that
    evaluates chips. The study compares the network as it was and as it is, each also with
    recalibrated BatchNorm, on the same chips.

    Args:
        model: a trained `nn.Module` (copied, and not changed), `zoo:NAME` or `FILE.py:FACTORY`.
        data: the test images, as for `drift`; they choose nothing.
        folder: new, empty, or this hardening's, which goes on.
        train: the training images, as `data`; left out where `data` is a name that has both.
        weights: of a model that is named.
        preset: the device.
        periphery: as for `convert`.
        times: of interest: steps are trained between the first and the last, chips are measured at
            all.
        recipe: how it is trained; `default_hardening_recipe` where it is left out.
        seed: of the noise, and of the study's chips, whose draws are others.
        chips, limit: of the study.
        device: `cpu` or `cuda`.
        progress: as for `drift`.
        options: `noise`, `scale`, `ramp`, `drop`, `clip`, `distill`, `temperature`, `compensation`,
            `effects`, `keep_digital`, `layers` (("auto",) for those that an attribution names),
            `array`, `backward`, `lora`, `statistics`; see `method_of`, `Injection` and `Hardening`.

    Raises:
        InputError, DeviceError, OutputError, WorkerError: as `run_hardening`.
    """
    named = isinstance(data, str | os.PathLike)
    test_images = _images(data, "test")
    if train is None and not named:
        raise InputError(
            "analogsim.harden must have training images, got test images alone; give train=..."
        )
    train_images = _images(data if train is None else train, "train")
    network, name = None, ""
    if isinstance(model, str | os.PathLike):
        name = os.fspath(model)
    else:
        network = network_in_memory(model)
        name = network.spec
    given = NOTHING
    if network is not None or not named or train is not None:
        given = Given(
            model=network,
            data=None if named else test_images,
            train=train_images if train is not None or not named else None,
        )
    usual = default_hardening_recipe(name, test_images.name)
    usual = dataclasses.replace(usual, precision=usual_precision(device, Path(folder)), seed=seed)
    if not named:
        # Nobody knows whether these may be moved or mirrored.
        usual = dataclasses.replace(usual, crop=0, flip=False)
    asked = Asked(
        model=name,
        weights=None if weights is None else Path(weights),
        train=train_images,
        test=test_images,
        method=method_of(
            n_images(train_images),
            preset=preset,
            periphery=periphery,
            times_s=times_of({"times": as_document({"times": times}, "analogsim.harden")["times"]}),
            seed=seed,
            **options,
        ),
        recipe=recipe
        or dataclasses.replace(usual, precision=usual_precision(device, Path(folder))),
        study={"data": test_images.name, "limit": limit, "design": {"chips": chips}},
        given=given,
        device=device,
    )
    call = f"analogsim.harden({name!r}, {test_images.name!r}, ...)"
    where = Where(output=Path(folder), command=call, watch=watching(progress))
    return run_hardening(asked, where)


def _images(given: object, split: Literal["train", "test"]) -> Data:
    """Images by their name, or in memory."""
    if isinstance(given, str | os.PathLike):
        return load_data(os.fspath(given), split=split)
    return data_in_memory(given)
