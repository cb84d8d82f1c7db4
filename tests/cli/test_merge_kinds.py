"""Parts of every kind of study that has parts, joined: what the study in one go has."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import analogsim
from analogsim.cli.main import run
from tests.cli.test_merge import WHEN
from tests.cli.test_suite import CHIPS as CHIPS_OF_DIGITS
from tests.cli.test_suite import NOISE
from tests.cli.tiny import BARE, IMAGES, NET, ON


def tiny(text: str) -> str:
    """A suite of the digits as one of the tiny network."""
    for old, new in (
        ('"zoo:digits_cnn?norm=none"\nuntrained = true', f'"{BARE}"'),
        ('"zoo:digits_cnn"', f'"{NET}"'),
        ('data = "digits"', f'data = "{IMAGES}"'),
    ):
        text = text.replace(old, new)
    return text


USUAL = [*ON, "--limit", "20", "--workers", "1"]
SWEPT = ["drift", *USUAL, "--times", "1d", "--compensation", "none,global"]
SWEPT += ["--bn", "digital,fold", "--set", "adc_bits=4,6,seed=0,1"]
NOISY = ["noise", *USUAL, "--scopes", "weights,folded", "--etas", "5%,20%"]
CHIPS = tiny(CHIPS_OF_DIGITS)
# With a sweep there is no pair.
POINTS = re.sub(r"(pair|arm) = .*\n", "", CHIPS).replace('"ideal"', '"standard"')
POINTS = POINTS.replace("[design]", "[sweep]\nadc_bits = [4, 6]\n[design]")
NETWORKS = tiny(NOISE.replace('weights = "w/bn.safetensors"\n', ""))


def plain(value: Any) -> Any:
    """A document without what says when and how it came about."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if key not in WHEN}
    return [plain(one) for one in value] if isinstance(value, list) else value


def documents(folder: Path) -> dict[str, Any]:
    """Every record and every document of a run's folder, by its place."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.json*")):
        text = path.read_text()
        parts = text.splitlines() if path.suffix == ".jsonl" else [text]
        found[str(path.relative_to(folder))] = [plain(json.loads(one)) for one in parts]
    return found


def tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(["report", str(folder)]) == 0
    return capsys.readouterr().out.replace(str(folder), "DIR")


@pytest.mark.parametrize(
    ("command", "option", "names"),
    [
        (SWEPT, "--chips", {"records.jsonl", "run.json", "summary.json", "layers.json"}),
        (NOISY, "--draws", {"records.jsonl", "run.json", "noise.json", "variances.json"}),
        (
            [*NOISY, "--measure", "top5"],
            "--draws",
            {"records.jsonl", "run.json", "noise.json", "variances.json"},
        ),
    ],
    ids=["sweep", "noise", "noise of a measure"],
)
def test_parts_of_one_network_are_the_whole(
    command: Sequence[str],
    option: str,
    names: set[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, numbers in (("whole", "3"), ("low", "0-1"), ("high", "2-2")):
        assert run([*command, option, numbers, "-o", str(tmp_path / name)]) == 0
    merged = tmp_path / "merged"
    assert run(["merge", str(tmp_path / "high"), str(tmp_path / "low"), "-o", str(merged)]) == 0
    whole = documents(tmp_path / "whole")
    assert names == whole.keys()
    assert documents(merged) == whole
    assert len(whole["records.jsonl"]) % 3 == 0
    assert tables(merged, capsys) == tables(tmp_path / "whole", capsys)
    # The same command takes it for its own.
    before = (merged / "records.jsonl").read_bytes()
    assert run([*command, option, "3", "-o", str(merged)]) == 0
    assert (merged / "records.jsonl").read_bytes() == before


def one_network(text: str, at: int) -> str:
    shared, *networks = text.split("[[networks]]")
    return f"{shared}[[networks]]{networks[at]}"


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(text, marks=pytest.mark.slow) for text in (CHIPS, POINTS)),
        NETWORKS,
    ],
    ids=["chips", "sweep", "noise"],
)
def test_parts_of_a_suite_are_the_whole(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, spec, more in (
        ("whole", text, []),
        ("low", text, ["--chips", "0-0"]),
        ("high", text, ["--chips", "1-1"]),
        ("one", one_network(text, 0), []),
        ("other", one_network(text, 1), []),
    ):
        (tmp_path / f"{name}.toml").write_text(spec)
        command = ["run", str(tmp_path / f"{name}.toml"), *more, "--workers", "1"]
        assert run([*command, "-o", str(tmp_path / name)]) == 0
    whole = documents(tmp_path / "whole")
    assert {"results.json", "with/records.jsonl", "without/records.jsonl"} <= whole.keys()
    for parts in (("low", "high"), ("one", "other")):
        merged = tmp_path / "-".join(parts)
        found = analogsim.merge([tmp_path / part for part in parts], merged)
        assert documents(merged) == whole
        assert found.kind == "suite"
        assert found.summary()["command"].startswith("analogsim.merge([")
        assert tables(merged, capsys) == tables(tmp_path / "whole", capsys)
        assert (merged / "with" / "report.html").is_file()
    # What does not belong together.
    (tmp_path / "few.toml").write_text(one_network(text, 1))
    command = ["run", str(tmp_path / "few.toml"), "--chips", "1", "--workers", "1"]
    assert run([*command, "-o", str(tmp_path / "few")]) == 0
    capsys.readouterr()
    for others, said in (
        (("one", "few"), "must have the same chips, got 0 to 1 of with and 0 to 0 of without"),
        (("whole", "one"), "each .* once, got .*0 to 1 in .*whole/with and in .*one/with"),
        (("whole", "whole/with"), "must be of one kind, got a suite in .*/whole and none in"),
    ):
        paths = [str(tmp_path / part) for part in others]
        assert run(["merge", *paths, "-o", str(tmp_path / "none")]) == 2
        assert re.search(said, " ".join(capsys.readouterr().err.split())), others
        assert not (tmp_path / "none").exists()


def changed(folder: Path, change: Any) -> Path:
    """A small suite's results alone, changed."""
    content = json.loads((folder / "results.json").read_text())
    del content["crc32"]
    change(content)
    other = folder.parent / "changed"
    other.mkdir(exist_ok=True)
    (other / "results.json").write_text(json.dumps(content))
    return other


def test_suites_that_are_no_parts_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.toml").write_text(one_network(NETWORKS, 0))
    suite = tmp_path / "suite"
    assert run(["run", str(tmp_path / "s.toml"), "--workers", "1", "-o", str(suite)]) == 0

    def relabelled(content: dict[str, Any]) -> None:
        content["networks"][0]["entry"]["label"] = "../suite/with"

    for change, said in (
        (lambda one: one["spec"].update(limit=61), "got limit 60 in .* and 61 in"),
        (lambda one: one["spec"].pop("networks"), "spec must name its networks, got None"),
        (lambda one: one["spec"]["networks"].append({}), "spec must name its networks, got"),
        (relabelled, r"must hold the folder of network '../suite/with', got none"),
    ):
        capsys.readouterr()
        paths = [str(suite), str(changed(suite, change))]
        assert run(["merge", *paths, "-o", str(tmp_path / "o")]) == 2
        assert re.search(said, " ".join(capsys.readouterr().err.split()))
        assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("matched.json", "kind matched, whose Gaussian noise is matched to the errors of all"),
        ("attribution.json", "attribution, whose suggestion is made by all chips together"),
    ],
)
def test_what_only_all_chips_can_say_is_refused(
    file: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        (tmp_path / part / file).touch()
    assert run(["merge", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(tmp_path / "o")]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('[design]\nprecision = "1%"', "--chips must go with a spec with chips, got one with"),
        ('gaussian = "matched"\n[design]\nchips = 2', "where a spec has gaussian, which has no"),
        ('kind = "attribution"\n[design]\nchips = 2', "where a spec has attribution, which has"),
    ],
)
def test_a_spec_without_parts_refuses_them(
    keys: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "s.toml"
    spec.write_text(
        f'model = "zoo:digits_cnn"\ndata = "digits"\npresets = ["pcm"]\ntimes = ["1s"]\n{keys}\n'
    )
    assert run(["run", str(spec), "--chips", "2-3", "--print-spec"]) == 2
    assert said in capsys.readouterr().err


def test_chips_of_a_spec_are_those_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text, said in (
        (CHIPS, "[design]\nchips = 3\nfirst_chip = 4\n"),
        (NETWORKS, "draws = 3\nfirst_draw = 4\n"),
    ):
        (tmp_path / "s.toml").write_text(text)
        capsys.readouterr()
        assert run(["run", str(tmp_path / "s.toml"), "--chips", "4-6", "--print-spec"]) == 0
        assert said in capsys.readouterr().out
