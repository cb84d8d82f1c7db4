"""What `noise` and `run` do with a noise spec: one study in one folder."""

from pathlib import Path

from analogsim.cli.noise_spec import NoiseSpec
from analogsim.cli.options import DataOptions
from analogsim.cli.prepare import command_line, open_data, plain_warnings
from analogsim.cli.progress import ProgressReporter
from analogsim.cli.report_kinds import report_folder
from analogsim.cli.run_study import Where, check_device, limited, place_of, saying_how_to_go_on
from analogsim.errors import InputError
from analogsim.inputs.fingerprint import code_fingerprints
from analogsim.inputs.fit import check_fit
from analogsim.inputs.models import load_model
from analogsim.scopes.drive import run_noise
from analogsim.scopes.study import NoiseStudy


def noise_and_print(spec: NoiseSpec, where: Where) -> None:
    """Run a noise study, build its report, print its tables (or noise.json) on stdout.

    Raises:
        InputError, OutputError, WorkerError: an option, the data or the folder cannot be used,
            or the workers end.
    """
    compute_noise(spec, where)
    report_folder(where.output, as_json=where.as_json)


def compute_noise(spec: NoiseSpec, where: Where) -> None:
    """Run what the folder lacks. Raises as `noise_and_print`."""
    check_device(spec.device, where)
    place = place_of(where)
    data = open_data(
        DataOptions(
            data=spec.data,
            data_dir=None if spec.data_dir is None else Path(spec.data_dir),
            download=spec.download,
            mean=None if spec.mean is None else ",".join(map(repr, spec.mean)),
            std=None if spec.std is None else ",".join(map(repr, spec.std)),
        )
    )
    model = load_model(spec.model, weights=None if spec.weights is None else Path(spec.weights))
    if not model.trained and not spec.untrained:
        raise InputError(
            f"model {spec.model} must have trained weights, got {model.note}, or allow it with "
            "--untrained"
        )
    fit = check_fit(model, data)
    study = NoiseStudy(
        question=spec.question,
        command=command_line(),
        model=spec.model,
        data=data.name,
        normalisation=data.normalisation,
        scopes=spec.scopes,
        references=spec.references,
        etas=spec.etas,
        draws=spec.draws,
        seed=spec.seed,
        batch_size=spec.batch_size,
        device=spec.device,
        notes=(f"Data: {data.note}.", f"Network: {model.note}.", *fit.notes),
        inputs={
            **code_fingerprints("network", model.files),
            **code_fingerprints("data", data.files),
        },
    )
    images = limited(data, spec.limit)
    with plain_warnings(), saying_how_to_go_on(where), ProgressReporter() as progress:
        run_noise(
            study,
            model.module,
            images,
            where.output,
            place,
            progress,
            extend=where.extend,
        )
