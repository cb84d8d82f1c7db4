"""The sentences that answer the question: numbers from the records, and nothing else."""

from analogsim.report.answer import answer
from tests.report.run_folder import DAY, YEAR, make_header, make_trial

DIGITAL = make_header().digital
BASELINE = "The digital network is right on 97.50 % of 360 images."


def test_one_curve_from_its_first_to_its_last_time() -> None:
    trials = [make_trial(chip=c, n_correct=342 + c) for c in range(2)]
    trials += [make_trial(chip=c, t_s=YEAR, n_correct=324 + c) for c in range(2)]
    # 12.7062 * 0.5/360 = 1.76 points of half-width. Both chips lose 18 images, 5 points exactly:
    # no flip of 720 answers was seen, so up to 3.69 of them.
    assert answer(trials, DIGITAL) == [
        BASELINE,
        "pcm, global compensation: 95.14 % (95 % interval 93.37 to 96.90 over 2 chips) at 1 s and "
        "90.14 % (95 % interval 88.37 to 91.90 over 2 chips) at 1 y; the change is -5.00 points "
        "(95 % interval -5.51 to -4.49 paired over 2 chips).",
    ]


def test_one_chip_at_one_time() -> None:
    assert answer([make_trial()], DIGITAL) == [
        BASELINE,
        "pcm, global compensation: 95.00 % (one chip, so no interval) at 1 s.",
    ]


def test_curves_of_the_same_chips_are_compared_in_pairs() -> None:
    trials = [
        make_trial(chip=c, t_s=t_s, compensation=kind, n_correct=right + 9 * c)
        for t_s in (1.0, DAY)
        for kind, right in (("none", 180), ("global", 324))
        for c in range(2)
    ]
    sentences = answer(trials, DIGITAL)
    assert sentences[1].startswith(
        "At 1 d, the last time that all have, accuracy is highest for pcm, global compensation: "
        "91.25 % (95 % interval 75.37 to 100.00 over 2 chips); it is lowest for pcm, no "
        "compensation: 51.25 %"
    )
    assert sentences[1].endswith(
        "; the difference is +40.00 points (95 % interval +39.49 to +40.51 paired over 2 chips); "
        "the two are told apart."
    )


def test_other_presets_are_compared_by_the_number_of_the_chip() -> None:
    trials = [
        make_trial(chip=c, preset=preset, n_correct=right + c)
        for preset, right in (("pcm", 340), ("rram", 300))
        for c in range(3)
    ]
    assert answer(trials, DIGITAL)[1].endswith("paired over 3 chips); the two are told apart.")
    close = [t for t in trials if t.preset == "pcm"]
    close += [make_trial(chip=c, preset="rram", n_correct=330 + 9 * c) for c in range(3)]
    assert answer(close, DIGITAL)[1].endswith("paired over 3 chips); the two are not told apart.")


def test_the_extremes_of_many_curves_must_differ_more() -> None:
    def of(*kinds: str) -> str:
        trials = [
            make_trial(chip=c, compensation=kind, n_correct=340 + 2 * c - 9 * at + (at * c) % 3)
            for at, kind in enumerate(kinds)
            for c in range(3)
        ]
        return answer(trials, DIGITAL)[1]

    # Differences of -9, -8 and -7 images: p = 0.005, below 0.05 but not below 0.05 / 10.
    assert of("none", "global").endswith("the two are told apart.")
    many = [make_trial(chip=c, compensation=k, n_correct=n) for k, numbers in {
        "none": (340, 342, 344), "global": (331, 334, 337), "exact": (335, 337, 339),
        "column": (336, 338, 340), "gain": (334, 336, 338)}.items()
        for c, n in enumerate(numbers)]  # fmt: skip
    assert answer(many, DIGITAL)[1].endswith(
        "the two, the extremes of 5 curves, are not told apart."
    )


def test_presets_without_a_common_time_speak_at_their_own() -> None:
    trials = [make_trial(t_s=YEAR, n_correct=300), make_trial(preset="rram", t_s=DAY)]
    assert answer(trials, DIGITAL)[1] == (
        "At the last time of each, accuracy is highest for rram, global compensation at 1 d: "
        "95.00 % (one chip, so no interval); it is lowest for pcm, global compensation at 1 y: "
        "83.33 % (one chip, so no interval)."
    )


def test_curves_that_agree_have_no_winner() -> None:
    trials = [make_trial(compensation=kind) for kind in ("none", "global", "exact")]
    assert answer(trials, DIGITAL)[1] == (
        "At 1 s, the last time that all have, accuracy is 95.00 % (one chip, so no interval) "
        "for all 3 curves."
    )


def test_nan_outputs_are_counted() -> None:
    trials = [make_trial(n_nan=7), make_trial(chip=1, n_nan=5)]
    assert answer(trials, DIGITAL)[-1] == "12 of 720 outputs were NaN; they count as class 0."


def test_chips_that_only_one_time_has_are_not_paired() -> None:
    # A run that was broken off: chip 1 has not reached the last time.
    trials = [make_trial(), make_trial(chip=1, n_correct=350), make_trial(t_s=DAY, n_correct=324)]
    assert answer(trials, DIGITAL)[1].endswith("; the change is -5.00 points (one chip).")
