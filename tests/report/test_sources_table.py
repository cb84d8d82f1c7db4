"""The page's table of what sources cost: each interval says which images it is about."""

from pathlib import Path

from analogsim.quantity import ACCURACY
from analogsim.report.attribution import read_losses
from analogsim.report.cells import DASH
from analogsim.report.page_tables import sources_table
from tests.report.full_folder import write_full


def test_both_intervals_stand_beside_each_other(tmp_path: Path) -> None:
    table = sources_table(read_losses(write_full(tmp_path)), ACCURACY)
    assert table is not None
    assert [column.name for column in table.columns][2:] == [
        "Alone, all else off", "new images", "Gain without it", "new images",
    ]  # fmt: skip
    assert "by itself: of 20 on the run's images about one leaves out 0 by chance" in table.caption
    (row,) = table.rows
    assert [cell.text for cell in row] == [
        "the drift", "1 d", "+1.23 (+0.83 to +1.63)", "-0.77 to +3.23", DASH, DASH,
    ]  # fmt: skip
