"""`analogsim drift`, `compare` and `demo` from end to end."""

import json
import re

import pytest

from analogsim.cli.main import run
from tests.cli.replaced import replaced
from tests.cli.tiny import ON

ROW = {"preset", "t_s", "bn", "compensation", "n_chips", "n_images", "mean", "ci95", "std_chips"}
RECORD = {*("preset", "t_s", "chip", "bn", "compensation", "n_images", "accuracy", "n_nan", "seed")}


# Times differ from run to run, and the digest with the name of the model.
TIMED = {"wall_s", "chip_s", "spec_digest", "crc32"}


DIGITS = ("zoo:digits_cnn", "--data", "digits", "--limit", "90")
TINY = (*ON, "--limit", "60")


def drift(folder, *args, command="drift", on=DIGITS):
    return run(replaced([command, *on, "-o", str(folder)], *args))


def read(folder):
    """Summary, and the records by address: in the file they stand as the workers finished."""
    records = [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]
    records.sort(key=lambda r: (r["preset"], r["chip"], r["t_s"], r["compensation"]))
    return json.loads((folder / "summary.json").read_text()), records


def strip(records):
    return [{k: v for k, v in r.items() if k not in TIMED} for r in records]


def test_folder(tmp_path, capsys):
    out = tmp_path / "d1"
    assert drift(out, "--times", "1s,1d,1y", "--chips", "3", "--json") == 0
    summary, records = read(out)
    assert json.loads(capsys.readouterr().out) == summary
    assert 0.9 < summary["digital_accuracy"] <= 1
    assert [row["t_s"] for row in summary["rows"]] == [1.0, 86400.0, 31536000.0]
    for row in summary["rows"]:
        assert set(row) >= ROW
        assert (row["preset"], row["n_chips"], row["n_images"]) == ("pcm", 3, 90)
        assert row["ci95"][0] <= row["mean"] <= row["ci95"][1]
    assert len(records) == 9
    assert all(set(record) >= RECORD for record in records)
    assert {p.name for p in out.iterdir()} >= {"report.html", "accuracy.png", "run.json"}


def test_a_compensation_that_misleads_is_said_everywhere(tmp_path, capsys):
    """At 4 bits single cells answer below a step; `current` fills the ADC and is nearer."""
    edge = tmp_path / "four.toml"
    edge.write_text("adc_bits = 4\n")
    out = tmp_path / "d4"
    asked = ["--periphery", str(edge), "--times", "1d", "--chips", "2"]
    kinds = ["--compensation", "global", "--compensation", "current"]
    assert drift(out, *asked, *kinds) == 0
    shown = capsys.readouterr()
    said = "compensation 'global' misleads on pcm at 1 d: in 4 of 4 analog layers"
    assert f"warning: {said}" in " ".join(shown.out.split())
    assert f"warning: {said}" in shown.err
    assert "'current' misleads" not in shown.out + shown.err
    summary, _ = read(out)
    (warning,) = summary["warnings"]
    assert warning.startswith(said)
    accuracy = {row["compensation"]: row["mean"] for row in summary["rows"]}
    assert accuracy["current"] > accuracy["global"] + 0.05
    assert run(["report", str(out)]) == 0
    assert f"warning: {said}" in " ".join(capsys.readouterr().out.split())


def test_what_the_cpp_tile_adds_stands_under_the_table_and_in_the_notes(tmp_path, capsys):
    out = tmp_path / "cpp"
    asked = ["--tile", "cpp", "--times", "1d", "--chips", "1", "--limit", "10"]
    assert drift(out, *asked, "--preset", "rram", "--compensation", "none") == 0
    said = "read noise of each product as PCM has it (read_noise = 0.0175) is added to rram, too"
    assert f"added: {said}" in capsys.readouterr().out
    summary, _ = read(out)
    assert any(note.startswith(f"Added: {said}") for note in summary["notes"])


def test_a_chip_is_the_same_whatever_else_is_asked(tmp_path):
    drift(tmp_path / "a", "--times", "1d", "--chips", "2", on=TINY)
    drift(tmp_path / "b", "--times", "1s,1d,1y", "--chips", "3", "--compensation", "none",
          "--compensation", "global", on=TINY)  # fmt: skip
    drift(tmp_path / "c", "--presets", "gaussian,pcm", "--times", "1d", "--chips", "2",
          command="compare", on=TINY)  # fmt: skip
    alone = strip(read(tmp_path / "a")[1])
    for folder in ("b", "c"):
        among = strip(read(tmp_path / folder)[1])
        assert all(record in among for record in alone)


def test_native_and_tile_have_the_same_weights_and_close_accuracies(tmp_path):
    for how in ("native", "tile"):
        drift(tmp_path / how, "--times", "1y", "--chips", "4", "--tile", "torch",
              "--forward", how)  # fmt: skip
    native, tile = (read(tmp_path / how)[0]["rows"][0] for how in ("native", "tile"))
    # Same chips and images; only the noise of the products differs.
    assert abs(native["mean"] - tile["mean"]) < 0.03


def test_ideal_periphery_native_and_tile_agree_exactly(tmp_path):
    for how in ("native", "tile"):
        drift(tmp_path / how, "--times", "1y", "--chips", "2", "--tile", "torch", "--forward", how,
              "--periphery", "ideal", on=TINY)  # fmt: skip
    native, tile = ([r["n_correct"] for r in read(tmp_path / how)[1]] for how in ("native", "tile"))
    assert native == tile


def test_rram_at_its_fitted_times(tmp_path, capsys):
    assert (
        drift(tmp_path / "r", "--preset", "rram", "--times", "1s,1d,2d", "--chips", "2", on=TINY)
        == 0
    )
    assert drift(tmp_path / "s", "--preset", "rram", "--times", "1s,1h", on=TINY) == 2
    assert "3600" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
    assert drift(tmp_path / "t", "--preset", "rram?interpolate=true", "--times", "1h",
                 "--chips", "1", on=TINY) == 0  # fmt: skip


def test_compare_is_one_table(tmp_path, capsys):
    assert drift(tmp_path / "c", "--chips", "2", command="compare", on=TINY) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("digital", "pcm", "rram", "gaussian"))
    rows = read(tmp_path / "c")[0]["rows"]
    assert {(row["preset"], row["t_s"]) for row in rows} == {
        (preset, t_s) for preset in ("pcm", "rram", "gaussian") for t_s in (1.0, 86400.0, 172800.0)
    }


def test_a_converted_folder_drifts_on(tmp_path):
    folder = tmp_path / "chip"
    run(["convert", "zoo:digits_cnn", "--data", "digits", "--preset", "rram", "-o", str(folder)])
    assert run(["drift", str(folder), "--data", "digits", "--limit", "90", "--times", "1d",
                "--chips", "2", "-o", str(tmp_path / "from")]) == 0  # fmt: skip
    drift(tmp_path / "direct", "--preset", "rram", "--times", "1d", "--chips", "2")
    assert strip(read(tmp_path / "from")[1]) == strip(read(tmp_path / "direct")[1])


@pytest.mark.slow
def test_demo(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["demo", "--chips", "2"]) == 0
    rows = read(tmp_path / "out" / "demo")[0]["rows"]
    assert len(rows) == 10
    by = {(row["compensation"], row["t_s"]): row["mean"] for row in rows}
    year = 31536000.0
    assert by["none", year] < 0.3
    assert by["global", year] > 0.9
    assert "report.html" in capsys.readouterr().out
    assert run(["demo", "--chips", "1"]) == 0
    assert (tmp_path / "out" / "demo-2" / "report.html").is_file()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--times", "1x"], "got 'x' in '1x'"),
        (["--chips", "0"], "chips must be at least 1, got 0"),
        (["--limit", "0"], "limit must be at least 1, got 0"),
        (["--preset", "rram-cmo", "--times", "0s"], "0"),
        (["--mean", "0.5", "--std", "0"], "std"),
        (["--compensation", "global", "--compensation", "global"], "compensations .* differ"),
    ],
    ids=str,
)
def test_wrong_on_purpose(tmp_path, capsys, args, message):
    assert drift(tmp_path / "new", *args) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err)
    assert not (tmp_path / "new").exists()


def test_untrained_networks_need_a_word(tmp_path, capsys):
    args = ["drift", "zoo:vgg16", "--data", "digits", "-o", str(tmp_path / "v")]
    assert run(args) == 2
    assert "--untrained" in capsys.readouterr().err
    assert run(["drift", "zoo:digits_cnn", "--data", "digits"]) == 2


def test_data_that_do_not_fit(tmp_path, capsys):
    args = ["drift", "zoo:resnet20", "--untrained", "--data", "digits", "-o", str(tmp_path / "v")]
    assert run(args) == 2
    assert "3 x 32 x 32" in capsys.readouterr().err
