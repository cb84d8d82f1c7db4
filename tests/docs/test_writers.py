"""The writers of docs/_ext, without Sphinx."""

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from sphinx.errors import ExtensionError

from analogsim.errors import InputError
from analogsim.suites.entry import Entry
from analogsim.suites.kept import Kept, write_kept
from tests.scopes.toy import toy

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_ext"


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch):
    """Import one of docs/_ext."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(EXTENSIONS))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and EXTENSIONS in Path(file).parents:
            del sys.modules[name]


def test_plain_text_is_no_markup(extension) -> None:
    markdown = extension("markdown")
    assert markdown.plain("a_b *c* `x_1` <d>") == r"a\_b \*c\* `x_1` \<d\>"
    assert markdown.code("[a|b]") == r"`[a\|b]`"


def test_noise_results_say_that_there_are_none(extension, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"format": "something else"}')
    (line,) = extension("write_noise").noise_results(tmp_path)
    assert "No result of this study is kept" in line


def test_chip_results_are_the_shipped_ones_and_no_noise(extension) -> None:
    text = "\n".join(extension("write_noise").chip_results())
    assert "bn_crossbar_ideal.json" in text
    assert "bn_noise.json" not in text
    assert "recalibrate" in text


def test_noise_results_are_of_the_kept_file(extension, tmp_path: Path) -> None:
    result = toy(
        {("weights", "std"): {0.2: [4, 8]}}, data="cifar10", created="2026-01-02T03:04:05+00:00",
        n_images=10, clean_correct=8, n_bn=7, etas=(0.2,), nearest={},
        predicted={("std", 0.2): 0.0},
    )  # fmt: skip
    kept = Kept(
        question="Which | noise?",
        command="analogsim run x.toml -o out/x",
        spec={},
        networks=((Entry(label="x"), result),),
    )
    write_kept(tmp_path / "x.json", kept)

    text = "\n".join(extension("write_noise").noise_results(tmp_path))

    assert r"### Which \| noise?" in text
    assert "Networks: 1, on 10 of cifar10 images; computed 2026-01-02." in text
    assert "kept file `x.json`" in text
    assert "analogsim run x.toml -o out/x" in text
    # (4 + 8) / 2 right images of 8 that were right without noise.
    assert "| x | 80.00 | 7 | weights | std | 75.00 (" in text


def test_a_broken_kept_file_is_named(extension, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json must be JSON, got 'Expecting property name"):
        extension("write_noise").noise_results(tmp_path)


def test_spec_keys_are_those_of_the_schema(extension) -> None:
    text = "\n".join(extension("write_spec").spec_keys())
    assert "| `data` | yes | text: digits, cifar10, cifar100, folder:PATH" in text
    assert "a spec with \\[\\[networks\\]\\], where each network has its own: cannot have" in text
    assert "| `chips` |" in text


def test_commands_show_their_options(extension) -> None:
    lines = extension("write_cli").commands()
    assert "## analogsim drift" in lines
    assert any(line.startswith("| `-h, --help` | Show this message") for line in lines)
    assert any("| `--precision P%` |" in line and "0.5%" in line for line in lines)
    assert "| Chips and times | meaning |" in lines
    assert "analogsim report out/drift" in lines


def test_an_example_that_fails_ends_the_build(extension) -> None:
    """Negative control of `{run}`."""
    runs = extension("runs")
    app = SimpleNamespace(env=SimpleNamespace(temp_data={}))
    page = "```{run}\nanalogsim presets pmc\n```\n"
    with pytest.raises(
        ExtensionError, match=r"(?s)a/page: an example failed:.*presets pmc ended with exit code 2"
    ):
        runs._run_page(app, "a/page", [page])


def test_output_of_an_example_is_kept_for_its_directive(extension) -> None:
    runs = extension("runs")
    app = SimpleNamespace(env=SimpleNamespace(temp_data={}))
    page = "```{file} x.py\nprint(6 * 7)\n```\n```{run}\npython x.py\n```\n"
    runs._run_page(app, "a/page", [page])
    assert app.env.temp_data == {"outputs": ["42\n"]}
