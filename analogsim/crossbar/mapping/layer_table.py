"""The conversion's table for the screen: one line a layer, plain aligned text."""

from collections.abc import Sequence

from analogsim.crossbar.mapping.plan import LayerReport

_HEADER = ("layer", "kind", "shape", "tiles", "where", "prog. error", "why")


def layer_table(report: Sequence[LayerReport]) -> str:
    """One line for each module that owns parameters; errors in per cent of the weights' norm."""
    rows = [_HEADER] + [
        (
            line.name,
            line.kind,
            "x".join(str(n) for n in line.shape),
            str(line.tiles) if line.tiles else "",
            line.where,
            "" if line.programming_error is None else f"{100 * line.programming_error:.2f} %",
            line.why,
        )
        for line in report
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER) - 1)]
    right = {3, 5}
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row[:-1], widths, strict=True))
        ]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    analog = [line for line in report if line.where == "analog"]
    lines.append("")
    lines.append(
        f"{len(analog)} layers analog on {sum(line.tiles for line in analog)} tiles, "
        f"{len(report) - len(analog)} digital"
    )
    return "\n".join(lines)
