"""Run `path/to/file.py:factory`: a user's own code, asked for one value.

The file is imported under a name of its own. Its folder is on `sys.path` only meanwhile, and
modules that it imported from there are forgotten afterwards, so that two files with a
neighbour of the same name do not get each other's.
"""

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType

from analogsim.errors import InputError
from analogsim.inputs.spec import did_you_mean, few

_OURS = ("analogsim", "device_models")

_numbers = count()


def is_user_file(spec: str) -> bool:
    """True for `something.py:factory`, and for `something.py` where the factory was forgotten."""
    return ".py:" in spec or spec.endswith(".py")


@dataclass(frozen=True, kw_only=True)
class UserObject:
    """What a user's file gave, and the files of its folder that were read: name and sha256."""

    value: object
    files: dict[str, str]


def load_object(spec: str, *, what: str, ready: type | None = None) -> UserObject:
    """Import the file, call the factory without arguments, return what it returns.

    Args:
        spec: `path/to/file.py:factory`.
        what: `model` or `data`, for the errors.
        ready: an object of this class is taken as it is, and not called.

    Raises:
        InputError: no such file or factory, or the user's code fails; the line is named.
    """
    path, factory_name = _split(spec, what=what)
    with _neighbours_importable(path.parent) as neighbours:
        module = _import(path, what=what)
        factory = getattr(module, factory_name, None)
        if ready is not None and isinstance(factory, ready):
            value: object = factory
        else:
            if not callable(factory):
                raise InputError(_no_callable(module, factory_name, spec, what=what))
            try:
                value = factory()
            except (Exception, SystemExit) as err:
                raise _in_words(err, path, what=f"{what} factory {spec}") from err
        return UserObject(value=value, files=file_digests([path, *neighbours()], path.parent))


def file_digests(paths: Iterable[Path], folder: Path) -> dict[str, str]:
    """Name in the folder and sha256 of each file. Raises InputError for one that is unreadable."""
    found = {}
    for path in paths:
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as err:
            raise InputError(
                f"file {path} must be readable, got '{err.strerror}'; check the path"
            ) from err
        found[path.relative_to(folder).as_posix()] = digest
    return found


def check_user_file(spec: str, *, what: str) -> None:
    """Raise InputError where `load_object` would find no file or no name."""
    _split(spec, what=what)


def _split(spec: str, *, what: str) -> tuple[Path, str]:
    file_text, _, name = spec.rpartition(":")
    if not file_text.endswith(".py"):
        raise InputError(
            f"{what} {spec!r} must name a callable of the file, got none; write FILE.py:NAME"
        )
    path = Path(file_text).resolve()
    if not path.is_file():
        raise InputError(f"{what} file must exist, got {file_text!r}; check the path")
    return path, name


def _no_callable(module: ModuleType, name: str, spec: str, *, what: str) -> str:
    own = [
        key
        for key, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
    ]
    has = f"it defines {few(own, count=5)}" if own else "it defines nothing"
    got = type(getattr(module, name)).__name__ if hasattr(module, name) else "no such name"
    return (
        f"{what} file {spec.rpartition(':')[0]} must define a callable {name!r}, got {got}"
        f"; {has}{did_you_mean(name, own)}"
    )


def _import(path: Path, *, what: str) -> ModuleType:
    name = f"_analogsim_user_file_{next(_numbers)}_{path.stem}"
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    # Dataclasses and typing look a class's module up while the file runs.
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as err:
        del sys.modules[name]
        raise _in_words(err, path, what=f"{what} file {path}") from err
    return module


@contextmanager
def _neighbours_importable(folder: Path) -> Iterator[Callable[[], list[Path]]]:
    """Gives a function that says which files of the folder were imported so far."""
    modules_before = set(sys.modules)
    path_before, bytecode_before = list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    # Nothing is written into a user's folder.
    sys.dont_write_bytecode = True

    def imported() -> list[Path]:
        new = sorted(set(sys.modules) - modules_before)
        # Ours are named by their version, and which of them are new depends on the command.
        theirs = [name for name in new if name.partition(".")[0] not in _OURS]
        files = (getattr(sys.modules[name], "__file__", None) for name in theirs)
        paths = (Path(file) for file in files if file is not None)
        return [path for path in paths if folder in path.parents and _is_own(path, folder)]

    try:
        yield imported
    finally:
        sys.path[:] = path_before
        sys.dont_write_bytecode = bytecode_before
        new = set(sys.modules) - modules_before
        tops = {name for name in new if "." not in name and _lies_in(sys.modules[name], folder)}
        for name in new:
            if name.partition(".")[0] in tops:
                del sys.modules[name]


def _is_own(path: Path, folder: Path) -> bool:
    """Whether it is the user's: an environment in the folder holds thousands that are not."""
    return not {"site-packages", "dist-packages"} & set(path.relative_to(folder).parts)


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    path = Path(file)
    return folder == (path.parent.parent if path.name == "__init__.py" else path.parent)


def _in_words(err: BaseException, path: Path, *, what: str) -> InputError:
    """The user's error with the last line of their file that it passed."""
    if isinstance(err, SyntaxError) and err.filename == str(path):
        line = err.lineno
    else:
        frames = traceback.extract_tb(err.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == str(path)), None)
    at = f" at line {line}" if line is not None else ""
    said = f"{type(err).__name__}: {err}" if str(err) else type(err).__name__
    return InputError(f"{what} must run without an error, got {said}{at}; mend the file")
