"""The table on the screen."""

from pathlib import Path

import pytest
from scipy.stats import binomtest

from analogsim.experiment.deal import pack
from analogsim.experiment.layers_file import LAYERS_FILE, write_layers
from analogsim.experiment.records import Trial
from analogsim.report import format_table, summary
from analogsim.report.factor_words import factor_warnings
from tests.report.full_folder import layers_file
from tests.report.run_folder import COVERAGE, DAY, YEAR, drifting, make_trial, write_run


def table(folder: Path, trials: list[Trial]) -> str:
    return format_table(summary(write_run(folder, trials)))


def recorded(chip: int, bits: list[bool]) -> Trial:
    images = {"order": "stored", "seed": 0, "round": 0, "start": 0, "count": 360, "total": 360}
    return make_trial(chip=chip, n_correct=sum(bits), images=images, correct=pack(bits))


def test_the_whole_table(tmp_path: Path) -> None:
    trials = [make_trial(n_correct=342), make_trial(chip=1, n_correct=338)]
    trials += [make_trial(t_s=YEAR, n_correct=360)]
    # Two chips: t(0.975, 1) = 12.7062 times half their distance, 2/360; at most 100 %.
    assert table(tmp_path, trials) == (
        "Accuracy in %, zoo:digits_cnn on 360 images of digits, BN digital, global\n"
        "  compensation\n"
        "these images: 95 % interval of the mean over chips; points: against digital\n"
        "\n"
        "preset   time  accuracy  these images  points  chips\n"
        "digital           97.50\n"
        "pcm       1 s     94.44  87.39-100.00   -3.06      2\n"
        "pcm       1 y    100.00      one chip   +2.50      1"
    )


def test_new_images_stand_beside_these(tmp_path: Path) -> None:
    bits = [n % 20 > 0 for n in range(360)]
    trials = [recorded(chip, bits) for chip in range(3)]
    lines = table(tmp_path, trials).splitlines()
    assert lines[0].endswith("BN digital, global")
    assert lines[1] == "  compensation, 3 chips"
    assert lines[5].split() == "preset time accuracy these images new images points".split()
    # Binomial: 351 of 360.
    low, high = binomtest(351, 360).proportion_ci(method="exact")
    assert lines[6].split() == ["digital", "97.50", f"{100 * low:.2f}-{100 * high:.2f}"]
    # Chips that agree: unseen flips, 3.69 of 3 x 360 answers; new images as 360 answers.
    low, high = binomtest(342, 360).proportion_ci(method="exact")
    near = f"{95 - 100 * 3.6889 / 1080:.2f}-{95 + 100 * 3.6889 / 1080:.2f}"
    assert lines[7].split()[:5] == ["pcm", "1", "s", "95.00", near]
    bounds = [float(one) for one in lines[7].split()[5].split("-")]
    assert bounds == pytest.approx([100 * low, 100 * high], abs=0.02)


def test_it_opens_with_who_computes_in_80_columns(tmp_path: Path) -> None:
    plain = table(tmp_path / "a", [make_trial()])
    said = format_table(summary(write_run(tmp_path / "b", [make_trial()], coverage=COVERAGE)))
    assert said == (
        "75.0 % of the multiply-adds on tiles; digital: 25.0 % <b> (depthwise: a tile for\n"
        "  each channel would use a small part of it)\n" + plain
    )


def test_it_ends_with_where_compensation_misleads(tmp_path: Path) -> None:
    plain = table(tmp_path, [make_trial()])
    write_layers(tmp_path, layers_file("pcm", factor=1.8))
    found = summary(tmp_path)
    assert found["warnings"] == factor_warnings(layers_file("pcm", factor=1.8))
    text = format_table(found)
    assert text.startswith(plain + "\n\nwarning: compensation 'global' misleads on pcm")
    assert max(map(len, text.splitlines())) <= 80
    # A broken file costs the warning and nothing else.
    (tmp_path / LAYERS_FILE).write_text("{")
    assert format_table(summary(tmp_path)) == plain


def test_bn_and_nan_have_a_column_only_if_they_say_something(tmp_path: Path) -> None:
    plain = table(tmp_path / "a", [make_trial()])
    assert "NaN" not in plain
    assert "BN" not in plain.splitlines()[4]
    full = table(tmp_path / "b", [make_trial(n_nan=4), make_trial(bn="fold")]).splitlines()
    assert full[4].split() == "preset time BN accuracy these images points NaN".split()
    assert full[6].split() == "pcm 1 s digital 95.00 one chip -2.50 4".split()
    assert full[7].split() == "pcm 1 s fold 95.00 one chip -2.50 0".split()


@pytest.mark.parametrize(
    "presets",
    [
        ("pcm", "rram"),
        ("pcm-hermes?cells=2&noise_scale=0.5", "gaussian?eta=0.05&reference=max"),
        ("gaussian?noise_scale=0.123456789012345678901234567890123456789",),
    ],
    ids=["short", "options", "one-long-option"],
)
def test_lines_fit_80_columns_and_lose_nothing(tmp_path: Path, presets: tuple[str, ...]) -> None:
    trials = drifting(presets=presets, bns=("digital", "fold"), times=(1.0, 30 * DAY), chips=2)
    text = table(tmp_path, [*trials, make_trial(n_nan=1, t_s=DAY, preset=presets[0])])
    assert max(map(len, text.splitlines())) <= 80
    assert text.isascii()
    lines = text.splitlines()[5:]
    for preset in presets:
        starts = [n for n, line in enumerate(lines) if preset.startswith(line.split()[0])]
        shown = lines[starts[0]].split()[0]
        for line in lines[starts[0] + 1 :]:
            if not line.startswith("  "):
                break
            shown += line.strip()
        assert shown == preset


def test_a_folded_preset_reads_on(tmp_path: Path) -> None:
    preset = "gaussian?eta=0.05&reference=max"
    lines = table(tmp_path, drifting(presets=(preset,), times=(1.0, DAY), chips=2)).splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("gaussian"))
    assert lines[first].split()[0] + lines[first + 1].strip() == preset
    # Once is enough: the rows below begin in the same way.
    assert sum("reference" in line for line in lines) == 1


def test_the_cpp_tile_is_said_where_its_accuracy_is_printed(tmp_path: Path) -> None:
    said = "C++ tile: its forward noise cannot be seeded, so these accuracies do not repeat."
    assert said in table(tmp_path / "a", [make_trial(tile="cpp")])
    assert said not in table(tmp_path / "b", [make_trial(tile="torch")])
