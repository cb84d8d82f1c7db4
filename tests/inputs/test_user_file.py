"""Running a user's file for one value."""

import hashlib
import sys
from pathlib import Path

import pytest

from analogsim.errors import InputError
from analogsim.inputs.user_file import is_user_file, load_object


def write(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def test_the_value_is_returned_and_no_trace_is_left(tmp_path: Path) -> None:
    write(tmp_path, "VALUE = 7\n", "neighbour_of_mine.py")
    file = write(
        tmp_path,
        "from dataclasses import dataclass\nimport neighbour_of_mine\n"
        "@dataclass\nclass Box:\n    value: int\n"
        "def build():\n    return Box(neighbour_of_mine.VALUE)\n",
    )
    path_before, modules_before = list(sys.path), set(sys.modules)
    assert load_object(f"{file}:build", what="model").value.value == 7  # type: ignore[attr-defined]
    assert sys.path == path_before
    assert set(sys.modules) == modules_before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.py", "neighbour_of_mine.py"]


def test_two_files_with_a_neighbour_of_one_name_get_their_own(tmp_path: Path) -> None:
    for value in (1, 2):
        write(tmp_path / str(value), f"VALUE = {value}\n", "neighbour_of_mine.py")
        write(
            tmp_path / str(value),
            "def build():\n    import neighbour_of_mine as n\n    return n.VALUE\n",
        )
    files = [tmp_path / str(value) / "mine.py" for value in (1, 2)]
    assert [load_object(f"{file}:build", what="model").value for file in files] == [1, 2]


def test_a_neighbouring_package_is_forgotten_too(tmp_path: Path) -> None:
    write(tmp_path / "package_of_mine", "", "__init__.py")
    write(tmp_path / "package_of_mine", "VALUE = 3\n", "part.py")
    file = write(tmp_path, "from package_of_mine.part import VALUE\nbuild = lambda: VALUE\n")
    assert load_object(f"{file}:build", what="model").value == 3
    assert not [name for name in sys.modules if name.startswith("package_of_mine")]


def test_the_files_of_its_folder_that_were_read_are_named(tmp_path: Path) -> None:
    """Not what an environment in the folder holds, and not what was not imported."""
    place = tmp_path / ".venv" / "site-packages"
    place.mkdir(parents=True)
    write(place, "VALUE = 3\n", "library_of_mine.py")
    for name in ("neighbour_of_mine.py", "stranger_of_mine.py"):
        write(tmp_path, "VALUE = 7\n", name)
    file = write(
        tmp_path,
        f"import sys\nsys.path.append({str(place)!r})\n"
        "import library_of_mine, neighbour_of_mine\ndef build():\n    return 1\n",
    )
    found = load_object(f"{file}:build", what="model").files
    names = ("mine.py", "neighbour_of_mine.py")
    assert found == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names
    }
    del sys.modules["library_of_mine"]


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    for value in (1, 2):
        file = write(tmp_path, f"def build():\n    return {value}\n")
        assert load_object(f"{file}:build", what="model").value == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nx = 1 / 0\n",
            r"model file .*mine\.py must run .*, got ZeroDivisionError: .* at line 2",
        ),
        (
            "def build(:\n",
            r"model file .*mine\.py must run .*, got SyntaxError: .* at line 1; mend",
        ),
        ("import no_such_module_here\n", r"ModuleNotFoundError: .*no_such_module_here.* at line 1"),
        ("raise SystemExit(3)\n", r"must run without an error, got SystemExit: 3 at line 1; mend"),
        (
            "def build():\n    return int('x')\n",
            r"model factory .*mine\.py:build must run .*, got ValueError: .*'x' at line 2; mend",
        ),
        ("def build(size):\n    pass\n", r"got TypeError: build\(\) missing 1 required .*'size'"),
        (
            "def biuld():\n    pass\n",
            r"must define a callable 'build', got no such name; it defines biuld; did you mean 'b",
        ),
        ("build = 3\n", r"must define a callable 'build', got int; it defines nothing"),
    ],
    ids=["import", "syntax", "module", "exit", "factory", "arguments", "name", "not callable"],
)
def test_the_users_errors_are_said_in_words(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, text)
    path_before, modules_before = list(sys.path), set(sys.modules)
    with pytest.raises(InputError, match=message):
        load_object(f"{file}:build", what="model")
    assert sys.path == path_before
    assert set(sys.modules) == modules_before


def test_the_users_error_is_kept_as_the_cause(tmp_path: Path) -> None:
    file = write(tmp_path, "x = 1 / 0\n")
    with pytest.raises(InputError, match="ZeroDivisionError") as caught:
        load_object(f"{file}:build", what="model")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_missing_file_or_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"data file must exist, got 'none\.py'; check the path"):
        load_object("none.py:build", what="data")
    with pytest.raises(InputError, match=r"model 'mine\.py' must name a callable of the file"):
        load_object("mine.py", what="model")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("a.py:f", True), ("a/b.py", True), ("zoo:resnet20", False), ("cifar10", False)],
)
def test_user_files_are_recognised(spec: str, expected: bool) -> None:
    assert is_user_file(spec) is expected
