"""The names of networks and data sets, looked at before torch is imported, which takes seconds."""

from pathlib import Path

from analogsim.errors import InputError
from analogsim.inputs.known import DATA, NETWORKS
from analogsim.inputs.spec import did_you_mean, split_options
from analogsim.inputs.user_file import check_user_file, is_user_file

ZOO_PREFIX, FOLDER, NPZ = "zoo:", "folder:", "npz:"
MEMORY = "memory:"
"""Before the name of what a caller in Python holds in memory."""
ZOO_NAMES = tuple(NETWORKS)
ZOO_OPTIONS = ("norm", "stages", "classes")
DATA_NAMES = tuple(DATA)
TOP1 = "top1"
MEASURE_NAMES = (TOP1, "top5")


def check_model(spec: str) -> None:
    """Refuse the text of a model that none has: zoo, file, or folder.

    Raises:
        InputError: there is no such name, option or file.
    """
    if spec.startswith(ZOO_PREFIX):
        split_zoo(spec)
    elif is_user_file(spec):
        check_user_file(spec, what="model")
    elif not Path(spec).is_dir():
        raise InputError(
            "model must be zoo:NAME, FILE.py:FACTORY or a folder written by convert, train or "
            f"harden, got {spec!r}; {_model_hint(spec)}"
        )


def split_zoo(spec: str) -> tuple[str, dict[str, str]]:
    """The name and the options of `zoo:NAME?...`. Raises InputError for unknown ones."""
    where = f"model {spec!r}"
    name, options = split_options(spec.removeprefix(ZOO_PREFIX), where=where, allowed=ZOO_OPTIONS)
    if name not in ZOO_NAMES:
        raise InputError(
            f"{where} name must be one of {', '.join(ZOO_NAMES)}, got {name!r}"
            f"{did_you_mean(name, ZOO_NAMES)}"
        )
    return name, options


def check_data(spec: str) -> None:
    """Refuse the text of a data set that none has.

    Raises:
        InputError: there is no such name or file.
    """
    if spec in DATA_NAMES or spec.startswith((FOLDER, NPZ)):
        return
    if is_user_file(spec):
        check_user_file(spec, what="data")
        return
    hint = f"write {FOLDER}{spec}" if Path(spec).is_dir() else "check the name"
    if spec.startswith(MEMORY):
        hint = "images in memory are given in Python: analogsim.run(..., data=(images, labels))"
    if spec.endswith(".npz"):
        hint = f"write {NPZ}{spec}"
    raise InputError(
        f"data must be one of {', '.join(DATA_NAMES)}, {FOLDER}PATH, {NPZ}FILE or "
        f"FILE.py:FACTORY, got {spec!r}; {hint}{did_you_mean(spec, DATA_NAMES)}"
    )


def check_measure(spec: str) -> None:
    """Refuse the text of a measure that none has.

    Raises:
        InputError: there is no such name or file.
    """
    if spec in MEASURE_NAMES:
        return
    if is_user_file(spec):
        check_user_file(spec, what="measure")
        return
    hint = did_you_mean(spec, MEASURE_NAMES)
    if spec.startswith(MEMORY):
        hint = "; one in memory is given in Python: analogsim.run(..., measure=Measure(...))"
    raise InputError(
        f"measure must be {', '.join(MEASURE_NAMES)} or FILE.py:NAME, got {spec!r}"
        f"{hint or '; check the name'}"
    )


def measure_in_words(spec: str) -> str:
    """What a question calls a measure before its file is read: of `FILE.py:NAME` the name."""
    known = {TOP1: "accuracy", "top5": "top-5 accuracy"}
    return known.get(spec, spec.rpartition(":")[2])


def _model_hint(spec: str) -> str:
    if spec.startswith(MEMORY):
        return "a network in memory is given in Python: analogsim.run(..., model=network)"
    if spec in ZOO_NAMES:
        return f"write {ZOO_PREFIX}{spec}"
    if Path(spec).is_file():
        return "a weight file goes to --weights, beside the model, for example zoo:resnet20"
    near = did_you_mean(spec, (ZOO_PREFIX + name for name in ZOO_NAMES))
    return f"name a zoo network or a Python file{near}"
