"""A noise study: from its spec to its folder."""

from analogsim.errors import InputError
from analogsim.inputs.fingerprint import code_fingerprints
from analogsim.inputs.fit import check_fit
from analogsim.inputs.measure import measure_named
from analogsim.inputs.models import load_model
from analogsim.scopes.drive import run_noise
from analogsim.scopes.study import NoiseStudy
from analogsim.spec.noise import NoiseSpec
from analogsim.studies.chips import limited
from analogsim.studies.given import NOTHING, Given
from analogsim.studies.prepare import open_data, say_network
from analogsim.studies.where import Where


def compute_noise(spec: NoiseSpec, where: Where, given: Given = NOTHING) -> None:
    """Run what the folder lacks.

    Raises:
        InputError, OutputError, WorkerError: an option, the data or the folder cannot be used,
            or the workers end.
    """
    where.check_device(spec.device)
    place = where.place()
    measure = given.measure or measure_named(spec.measure)
    data = open_data(spec, given, where.tell, where.detail)
    model = given.model or load_model(spec.model, weights=spec.weights)
    if not model.trained and not spec.untrained:
        raise InputError(
            f"model {spec.model} must have trained weights, got {model.note}, or allow it with "
            "--untrained"
        )
    say_network(model, where.detail)
    fit = check_fit(model, data)
    study = NoiseStudy(
        question=spec.question,
        command=where.command,
        model=spec.model,
        data=data.name,
        normalisation=data.normalisation,
        scopes=spec.scopes,
        references=spec.references,
        etas=spec.etas,
        draws=spec.draws,
        first_draw=spec.first_draw,
        seed=spec.seed,
        batch_size=spec.batch_size,
        device=spec.device,
        measure=measure,
        notes=(f"Data: {data.note}.", f"Network: {model.note}.", *fit.notes),
        inputs={
            **code_fingerprints("network", model.files),
            **code_fingerprints("data", data.files),
            **given.fingerprints(),
        },
    )
    images = limited(data, spec.limit)
    with where.watch() as progress:
        run_noise(
            study,
            model.module,
            images,
            where.output,
            place,
            progress,
            extend=where.extend,
        )
