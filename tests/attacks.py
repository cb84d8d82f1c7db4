"""How many attacks the tests hold, of which kind: counted from what pytest collects.

    python -m tests.attacks [--list]

An attack is a case that a stranger, a kill, a disk or another system brings, and that must be met
by a sentence or without a loss. A case of a table counts once, and so does a property of hypothesis
and a reader of `tests/fuzz`, each of which draws a hundred or more.
"""

import argparse
import io
import sys
from contextlib import redirect_stdout

import pytest

KINDS: dict[str, tuple[str, ...]] = {
    "finished means the report is there": (
        "cli/test_broken_off.py",
        "cli/test_failing_disk.py",
        "cli/test_wrong_use.py::test_a_full_disk_is_said_and_loses_nothing",
        "cli/test_wrong_use.py::test_a_full_disk_behind_stdout_is_said",
        "test_own_files.py::test_a_file_is_whole_at_every_change_of_the_disk",
        "test_own_files.py::test_a_folder_arrives_whole_at_every_change_of_the_disk",
        "test_own_files.py::test_a_disk_that_fills_up_leaves_nothing_there",
    ),
    "what decides a number is in the digest": (
        "cli/test_other_inputs.py",
        "inputs/test_fingerprint.py::test_every_pixel_and_label_counts_and_the_place_does_not",
        "inputs/test_fingerprint.py::test_of_many_files_some_are_read_and_all_are_named",
        "inputs/test_fingerprint.py::test_of_many_items_some_are_read_and_the_arrays_that_are_shown",
    ),
    "a folder from somebody else writes nothing outside itself": (
        "cli/test_hostile_folder.py::test_what_is_planted_is_refused",
        "cli/test_hostile_folder.py::test_a_secret_does_not_reach_the_page",
        "cli/test_hostile_folder.py::test_text_of_a_folder_steers_no_terminal",
        "cli/test_hostile_folder.py::test_text_in_a_csv_is_no_formula",
        "cli/test_hostile_folder.py::test_names_of_a_run_become_no_formulas",
        "fuzz/test_fuzz.py::test_a_strangers_file_is_read_or_refused_in_a_sentence[run",
        "fuzz/test_fuzz.py::test_a_strangers_file_is_read_or_refused_in_a_sentence[folder",
        "report/test_damaged_run.py",
        "report/test_hostile_page.py::test_no_text_of_a_folder_becomes_a_script",
        "report/test_page.py::test_hostile_names_stay_text",
        "suites/test_hostile_results.py::test_noise_that_no_study_measures_is_refused",
        "suites/test_hostile_results.py::test_chips_that_no_study_measures_are_refused",
        "test_json_grammar.py::test_a_document_is_taken_or_refused_in_a_sentence",
        "test_own_files.py::test_what_is_no_file_of_its_own_is_not_opened",
        "test_own_files.py::test_a_draft_that_was_planted_is_not_written_through",
        "test_own_files.py::test_a_linked_folder_is_none_of_ours",
        "test_own_files.py::test_a_file_that_was_moved_away_is_not_in_place",
        "test_printable.py::test_what_steers_is_written_out",
    ),
    "files of data start no program and crash nothing": (
        "crossbar/test_damaged_chip.py::test_damage_is_refused_or_does_no_harm",
        "crossbar/test_damaged_chip.py::test_an_edited_file_is_taken_or_refused_in_words",
        "crossbar/test_hostile_chip.py::test_values_are_finite",
        "crossbar/test_hostile_chip.py::test_factors_and_sizes_have_no_sign",
        "crossbar/test_hostile_chip.py::test_shapes_and_types_are_those_of_the_network",
        "crossbar/test_hostile_chip.py::test_none_is_missing",
        "crossbar/test_hostile_chip.py::test_settings_that_no_chip_has_are_refused",
        "crossbar/test_hostile_chip.py::test_a_pipe_is_not_waited_for",
        "fuzz/test_fuzz.py::test_a_strangers_file_is_read_or_refused_in_a_sentence[data",
        "fuzz/test_fuzz.py::test_a_strangers_file_is_read_or_refused_in_a_sentence[weights",
        "inputs/test_archive.py::test_a_table_of_too_many_members_is_refused_before_it_is_read",
        "inputs/test_cifar_pickle.py::test_a_malicious_batch_is_refused_and_not_executed",
        "inputs/test_cifar_pickle.py::test_no_other_name_is_found",
        "inputs/test_hostile_image.py::test_postscript_starts_no_ghostscript",
        "inputs/test_hostile_image.py::test_other_formats_are_refused_whatever_their_name",
        "inputs/test_hostile_image.py::test_a_header_takes_no_memory",
        "inputs/test_hostile_image.py::test_what_is_no_file_is_not_waited_for",
        "inputs/test_npy_grammar.py",
        "inputs/test_npz.py::test_a_pickled_array_is_refused_and_not_executed",
        "inputs/test_npz.py::test_damaged_files_are_refused",
        "inputs/test_npz.py::test_a_second_array_of_the_name_is_refused",
        "inputs/test_npz.py::test_hostile_headers_are_refused",
        "inputs/test_pickle_cost.py::test_an_attack_is_refused",
        "inputs/test_pickle_cost.py::test_a_weight_file_is_refused",
        "inputs/test_pickle_grammar.py::test_a_pickle_is_taken_or_refused_and_calls_nothing",
        "inputs/test_weight_pickle.py::test_any_other_name_is_refused_by_name_and_not_run",
        "inputs/test_weight_pickle.py::test_pickles_that_torch_did_not_write_are_refused",
        "test_hostile_text.py::test_a_name_that_stands_twice_among_many_is_found",
        "test_hostile_text.py::test_names_that_are_not_known_are_not_all_said",
        "test_hostile_text.py::test_a_long_value_is_cut",
        "test_hostile_text.py::test_a_value_that_has_no_text_is_named_by_its_kind",
        "test_hostile_text.py::test_a_spec_that_costs_too_much_is_refused",
        "test_hostile_text.py::test_a_spec_is_bounded_before_it_is_read",
        "test_hostile_text.py::test_a_periphery_file_has_the_same_bounds",
    ),
    "every batch is checked, not the first item": (
        "inputs/test_hostile_data.py::test_every_label_is_looked_at",
        "inputs/test_hostile_data.py::test_every_image_is_looked_at",
        "inputs/test_hostile_data.py::test_what_an_item_raises_is_said",
        "inputs/test_hostile_data.py::test_a_length_is_one",
        "inputs/test_hostile_data.py::test_a_factory_that_lies_is_refused",
        "inputs/test_hostile_data.py::test_gradients_are_left_behind",
        "inputs/test_hostile_data.py::test_what_is_random_behind_a_fixed_beginning_is_found",
        "crossbar/test_evaluate_inputs.py::test_inputs_that_are_nan_are_refused_wherever_they_are",
        "inputs/test_hostile_data.py::test_labels_are_class_numbers_or_refused",
        "inputs/test_hostile_data.py::test_whatever_an_item_is_it_is_refused_or_read",
        "inputs/test_hostile_data.py::test_whatever_a_label_is_it_is_refused_or_read",
        "inputs/test_labels.py::test_what_is_no_class_number_is_refused",
    ),
    "systems as they are": (
        "cli/test_mounts.py",
        "cli/test_start.py::test_from_its_first_moment_on_it_ends_in_one_line",
        "cli/test_start.py::test_during_the_imports_too",
        "cli/test_start.py::test_a_batch_system_s_sigterm_is_as_ctrl_c",
        "cli/test_start.py::test_closed_streams_are_sinks",
        "cli/test_start.py::test_what_an_encoding_lacks_is_escaped",
        "cli/test_start.py::test_a_folder_that_was_deleted_is_said",
        "cli/test_suite.py::test_a_label_is_the_name_of_a_folder",
        "experiment/test_lock.py::TestWithoutLocks",
        "experiment/test_lock.py::test_a_lock_that_fails_otherwise_is_said",
    ),
    "Ray": (
        "experiment/test_on_ray.py::test_without_ray_the_command_says_what_to_install",
        "experiment/test_ray_address.py",
    ),
    "install": (
        "test_lock.py::test_what_does_not_agree_is_seen",
        "test_makefile.py::test_unsuitable_python_is_named",
    ),
}
LEAST = 300


class _Collected:
    """A plugin of pytest that keeps the names of what it collects."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.names = [item.nodeid for item in session.items]


def collected() -> list[str]:
    """The cases of the files that are named above."""
    files = dict.fromkeys(f"tests/{one.partition('::')[0]}" for of in KINDS.values() for one in of)
    plugin = _Collected()
    with redirect_stdout(io.StringIO()) as said:
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *files], [plugin])
    if code:
        raise RuntimeError(said.getvalue()[-2000:])
    return plugin.names


def by_kind(names: list[str]) -> dict[str, list[str]]:
    """The attacks among them. Raises ValueError for a name above of which there is no case."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for kind, tests in KINDS.items():
        for test in tests:
            cases = [name for name in names if _is_of(name.removeprefix("tests/"), test)]
            if not cases:
                raise ValueError(f"{test} must be a test, got none of the name")
            found[kind] += cases
    every = [case for cases in found.values() for case in cases]
    assert len(set(every)) == len(every), "a case is named twice"
    return found


def _is_of(name: str, test: str) -> bool:
    """Whether a case is of a file, a class, a function, or of the cases that begin so."""
    return name.startswith(test) and ("[" in test or name[len(test) :][:1] in {"", ":", "["})


def main() -> int:
    """Print the table; the exit code is 1 where a kind has none or all are too few."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name every case")
    asked = parser.parse_args()
    found = by_kind(collected())
    for kind, cases in found.items():
        sys.stdout.write(f"{len(cases):5} {kind}\n")
        sys.stdout.write("".join(f"        {case}\n" for case in cases) if asked.list else "")
    total = sum(map(len, found.values()))
    sys.stdout.write(f"{total:5} attacks\n")
    return 0 if total >= LEAST and all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
