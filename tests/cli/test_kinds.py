"""The same powers for every kind of study: a row a kind, a column a power, each cell really run.

A cell that cannot make sense is refused in a sentence, which is asserted here.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import analogsim
from analogsim.cli.main import run
from tests.charts import drawn
from tests.cli.kinds import HEAD, KINDS, Kind, every_kind, values
from tests.experiment.ray_nodes import ray_elsewhere


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is asked of a kind.

    `more` changes its command (or spec) into one that only adds, `charts` are the figures that are
    its own, `table` is in what `report` prints, `answer` is in its page's Answer box, `columns`
    are in its data frame.
    """

    more: tuple[str, str] = ("2", "3")
    charts: tuple[str, ...]
    table: str
    answer: str
    columns: tuple[str, ...] = ("preset", "t_s", "chip", "accuracy")


ROWS = {
    "drift": Row(
        charts=("accuracy", "spread", "weight_errors"),
        table="digital",
        answer="pcm costs .* points .*, after 1 d .* points",
    ),
    "compare": Row(charts=("accuracy", "spread"), table="ideal", answer="pcm costs .*ideal costs "),
    "matched": Row(
        more=("1d", "1d,2d"),
        charts=("accuracy", "matched"),
        table="equivalent eta",
        answer="Gaussian noise of the same weight error",
    ),
    "sweep": Row(charts=("sweep",), table="adc bits|adc_bits", answer="adc.bits|ADC"),
    "noise": Row(
        charts=("noise",),
        table="Average normalised accuracy",
        answer="scope .* keeps",
        columns=("scope", "reference", "eta", "chip", "accuracy"),
    ),
    "noise measure": Row(
        charts=("noise",),
        table="Average change of cross-entropy in nats",
        answer="scope .* changes that cross-entropy by .* nats",
        columns=("scope", "reference", "eta", "chip", "cross-entropy"),
    ),
    "attribute": Row(
        charts=("attribution",),
        table="alone: everything else off",
        answer="With one source on alone",
    ),
    "attribute measure": Row(
        charts=("attribution",),
        table="Rise of cross-entropy in nats, .*tiny.py:net",
        answer=r"costs .*tiny.py:net \+?-?[\d.e-]+ \(.*\) nats of cross-entropy",
        columns=("preset", "t_s", "chip", "cross-entropy"),
    ),
    "matched measure": Row(
        more=("1d", "1d,2d"),
        charts=("matched",),
        table="difference: device - matched in nats",
        answer="Its cross-entropy is",
        columns=("preset", "t_s", "chip", "cross-entropy"),
    ),
    "suite": Row(
        more=("chips = 2", "chips = 3"),
        charts=("suite",),
        table="pcm, compensation global: accuracy in %",
        answer="global compensation costs a .* points.*, b .* points",
        columns=("network", "preset", "t_s", "chip", "accuracy"),
    ),
    "suite sweep": Row(
        more=("chips = 2", "chips = 3"),
        charts=("sweep_a", "sweep_b"),
        table="network +BN +adc_bits",
        answer="a: pcm, global compensation, 1 s: no adc_bits is shown to be within",
        columns=("network", "preset", "adc_bits", "chip", "accuracy"),
    ),
    "suite measure": Row(
        more=("chips = 2", "chips = 3"),
        charts=("suite",),
        table="pcm, global compensation: Top-5 accuracy in %",
        answer="a: after 1 s pcm with global compensation has top-5 accuracy",
        columns=("network", "preset", "t_s", "chip", "top-5 accuracy"),
    ),
    "suite noise": Row(
        more=("draws = 2", "draws = 3"),
        charts=("suite",),
        table="Average normalised accuracy",
        answer="a keeps .* b keeps",
        columns=("network", "scope", "eta", "chip", "accuracy"),
    ),
    "suite noise measure": Row(
        more=("draws = 2", "draws = 3"),
        charts=("suite",),
        table="Average change of cross-entropy in nats",
        answer="a changes by .* nats; b changes by .* nats of its own cross-entropy",
        columns=("network", "scope", "eta", "chip", "cross-entropy"),
    ),
}
every = pytest.mark.parametrize("name", ROWS)
each_kind = every_kind(ROWS)


class Made:
    """One finished run of each kind, copied for whoever changes it."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def whole(self, name: str) -> Path:
        """The run itself, which nobody changes."""
        folder = self.place / name
        if not folder.exists():
            with drawn():
                assert run(KINDS[name].command(folder, self.place)) == 0
        return folder

    def copy(self, name: str, place: Path) -> Path:
        """A copy of it."""
        return Path(shutil.copytree(self.whole(name), place / "copy"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("kinds"))


def changed(kind: Kind, old: str, new: str) -> Kind:
    """The kind with one of its arguments, or a line of its spec, replaced."""
    args = tuple(new if arg == old else arg for arg in kind.args)
    return Kind(args=args, spec=kind.spec.replace(old, new))


def record_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("records.jsonl"))


@each_kind
def test_killed_and_resumed(made: Made, tmp_path: Path, name: str) -> None:
    folder = made.copy(name, tmp_path)
    for path in record_files(folder):
        lines = path.read_bytes().splitlines(keepends=True)
        # The last line is half written.
        path.write_bytes(b"".join(lines[: len(lines) // 2]) + lines[-1][:40])
    for path in (*folder.glob("*.json"), *folder.glob("*/*.json")):
        if path.name not in {"run.json", "variances.json"}:
            path.unlink()
    assert run(KINDS[name].command(folder, tmp_path)) == 0
    assert values(folder) == values(made.whole(name))


def elsewhere(name: str, place: Path, *where: str) -> None:
    """Run a kind's command into `o`, with `where` in place of `--workers 1`."""
    args = KINDS[name].command(place / "o", place)
    at = args.index("--workers")
    assert run([*args[:at], *args[at + 2 :], *where]) == 0


@pytest.mark.slow
@every
def test_all_cores(made: Made, tmp_path: Path, name: str) -> None:
    elsewhere(name, tmp_path, "--workers=2")
    assert values(tmp_path / "o") == values(made.whole(name))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a Ray of one core, which all kinds run on."""
    with ray_elsewhere(1) as address:
        yield address


# Of two rows that differ in their measure alone, that which sends a measure along, too.
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ROWS if f"{name} measure" not in ROWS])
def test_on_ray(made: Made, tmp_path: Path, name: str, cluster: str) -> None:
    elsewhere(name, tmp_path, "--on", "ray", "--address", cluster)
    assert values(tmp_path / "o") == values(made.whole(name))


def printed_spec(name: str, place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run([*KINDS[name].command(place / "none", place), "--print-spec"]) == 0
    return capsys.readouterr().out


@each_kind
def test_from_a_spec(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The spec that the command prints is the same run: it finds nothing left to do."""
    folder = made.copy(name, tmp_path)
    spec = tmp_path / "printed.toml"
    text = printed_spec(name, tmp_path, capsys)
    spec.write_text(text)
    assert run(["run", str(spec), "--print-spec"]) == 0
    assert capsys.readouterr().out == text
    before = [path.stat().st_mtime_ns for path in record_files(folder)]
    assert run(["run", str(spec), "-o", str(folder), "--workers", "1"]) == 0
    assert [path.stat().st_mtime_ns for path in record_files(folder)] == before
    assert values(folder) == values(made.whole(name))


NO_SUITE = {
    name: r"networks\[1\].networks must be one of .*, got 'networks'"
    for name in ROWS
    if name.startswith("suite")
}


@pytest.mark.slow
@every
def test_in_a_suite(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    text = printed_spec(name, tmp_path, capsys)
    spec = tmp_path / "suite.toml"
    if name.startswith("suite"):
        spec.write_text(f"{text}\n[[networks.networks]]\nlabel = 'c'\n{HEAD}")
    else:
        networks = "".join(f'[[networks]]\nlabel = "{label}"\n{HEAD}' for label in "ab")
        spec.write_text(f"{text.replace(HEAD, '')}\n{networks}")
    args = ["run", str(spec), "-o", str(tmp_path / "o"), "--workers", "1"]
    if name in NO_SUITE:
        assert run(args) == 2
        assert re.search(NO_SUITE[name], capsys.readouterr().err)
        return
    assert run(args) == 0
    said = capsys.readouterr().out
    assert run(["report", str(tmp_path / "o")]) == 0
    assert capsys.readouterr().out == said
    assert re.search(r"^a\b", said, re.MULTILINE)
    assert run(["report", str(tmp_path / "o" / "results.json")]) == 0
    assert run(["figures", str(tmp_path / "o")]) == 0


@each_kind
def test_extended(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = made.copy(name, tmp_path)
    before = {path: path.read_bytes() for path in record_files(folder)}
    args = changed(KINDS[name], *ROWS[name].more).command(folder, tmp_path)
    assert run(args) == 2
    assert "add to the run with --extend, or choose another folder" in capsys.readouterr().err
    assert run([*args, "--extend"]) == 0
    for path, lines in before.items():
        # A trial that is there is never computed again.
        assert path.read_bytes().startswith(lines)
    assert any(path.read_bytes() != lines for path, lines in before.items())


@pytest.mark.slow
@every
def test_figures(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    args = ["figures", str(made.whole(name)), "--format", "svg", "-o", str(tmp_path / "f")]
    assert run([*args, "--width", "one,two"]) == 0
    names = {path.name for path in (tmp_path / "f").iterdir()}
    assert names >= {f"{one}_{w}.svg" for one in ROWS[name].charts for w in ("one", "two")}
    if "noise" in name:
        # Noise has no time: a chart over it would be nonsense.
        assert not any(one.startswith("accuracy") for one in names)


@every
def test_report(made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    folder = made.copy(name, tmp_path)
    (folder / "report.html").unlink()
    capsys.readouterr()
    assert run(["report", str(folder)]) == 0
    said = capsys.readouterr().out
    assert re.search(ROWS[name].table, said)
    assert said.endswith(f"\n{folder / 'report.html'}\n")
    assert values(folder) == values(made.whole(name))


@every
def test_read(made: Made, name: str) -> None:
    frame = analogsim.read(made.whole(name))
    assert set(ROWS[name].columns) <= set(frame.columns)
    paths = record_files(made.whole(name))
    lines = [line for path in paths for line in path.read_text().splitlines()]
    # A search looks at levels that nobody asked about.
    assert len(frame) == len(lines) or name.startswith("matched")
    assert frame.attrs["question"] is not None


@every
def test_csv_beside_each_chart(made: Made, name: str) -> None:
    charts = made.whole(name) / "charts"
    drawn = {path.stem for path in charts.glob("*.svg")}
    assert drawn >= set(ROWS[name].charts)
    assert {path.stem for path in charts.glob("*.csv")} == drawn
    page = (made.whole(name) / "report.html").read_text()
    for one in ROWS[name].charts:
        assert f'download="{one}.csv"' in page
        assert len((charts / f"{one}.csv").read_text().splitlines()) > 1


@every
def test_answer_box(made: Made, name: str) -> None:
    page = (made.whole(name) / "report.html").read_text()
    box = re.search(r'<section class="answer".*?</section>', page, re.DOTALL)
    assert box is not None
    assert re.search(ROWS[name].answer, box[0], re.DOTALL)
    assert re.search(r"\d", box[0])
