"""`analogsim report`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analogsim.cli.report import report
from analogsim.errors import InputError
from analogsim.report import format_table, summary
from analogsim.report.extras import Extras
from analogsim.report.opening import opening
from analogsim.report.summary import read_run, summarise_run
from tests.report.run_folder import drifting, make_trial, write_run


def test_the_table_and_the_path_are_on_stdout(tmp_path: Path) -> None:
    write_run(tmp_path, drifting())
    done = CliRunner().invoke(report, [str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    table, end = f"{format_table(summary(tmp_path))}\n\n", f"\n\n{tmp_path}/report.html\n"
    assert done.stdout.startswith(table)
    assert done.stdout.endswith(end)
    # The answer of the page, folded.
    run = read_run(tmp_path)
    said = " ".join(opening(run, summarise_run(run), Extras()))
    assert " ".join(done.stdout[len(table) : -len(end)].split()) == said
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "accuracy.png").is_file()


def test_notes_go_to_stderr(tmp_path: Path) -> None:
    write_run(tmp_path, [make_trial()])
    done = CliRunner().invoke(report, [str(tmp_path)], catch_exceptions=False)
    assert done.stderr == "note: Input ranges were calibrated on 256 training images.\n"


def test_json_is_the_summary(tmp_path: Path) -> None:
    write_run(tmp_path, drifting())
    done = CliRunner().invoke(report, [str(tmp_path), "--json"], catch_exceptions=False)
    assert json.loads(done.stdout) == json.loads((tmp_path / "summary.json").read_text())


def test_a_folder_without_a_run_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"run folder {tmp_path}/none must hold a readable run"):
        CliRunner().invoke(report, [str(tmp_path / "none")], catch_exceptions=False)
