"""The same array as a list of resistors, and three ways to solve it that are not ours."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping

import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import splu
from threadpoolctl import threadpool_limits

NGSPICE = shutil.which("ngspice")


def resistors(g, *, r_row, r_col, r_driver=0.0, r_sense=0.0):
    """(node, node, siemens) of an array, (inputs, outputs); all four resistances above 0.

    Nodes are ("in", i), ("out", j), ("row", i, j) and ("column", i, j).
    """
    inputs, outputs = g.shape
    for i, j in np.ndindex(inputs, outputs):
        row, column = ("row", i, j), ("column", i, j)
        if g[i, j] > 0:
            yield row, column, g[i, j]
        if j == 0:
            yield ("in", i), row, 1 / (r_driver + r_row)
        else:
            yield ("row", i, j - 1), row, 1 / r_row
        if i == inputs - 1:
            yield column, ("out", j), 1 / (r_col + r_sense)
        else:
            yield column, ("column", i + 1, j), 1 / r_col


def by_sparse_lu(parts: Iterable, inputs: int, outputs: int, volts=None):
    """Currents into ("out", j) at 0 V: nodal analysis, scipy's SuperLU.

    With `volts` at the inputs (outputs,), otherwise for each ("in", i) at 1 V, (inputs, outputs).
    """
    parts = list(parts)
    known = {("in", i): i for i in range(inputs)} | {("out", j): None for j in range(outputs)}
    nodes = sorted({n for a, b, _ in parts for n in (a, b)} - set(known))
    at = {node: k for k, node in enumerate(nodes)}
    entries, right = [], np.zeros((len(nodes), inputs))
    for a, b, siemens in parts:
        for one, other in ((a, b), (b, a)):
            if one in at:
                entries.append((at[one], at[one], siemens))
                if other in at:
                    entries.append((at[one], at[other], -siemens))
                elif known[other] is not None:
                    right[at[one], known[other]] += siemens
    if volts is not None:
        right = right @ np.reshape(volts, (-1, 1))
    rows, columns, values = zip(*entries, strict=True)
    matrix = sparse.csc_matrix((values, (rows, columns)), shape=(len(nodes),) * 2)
    voltages = splu(matrix).solve(right)
    found = np.zeros((right.shape[1], outputs))
    for a, b, siemens in parts:
        if b[0] == "out":
            found[:, b[1]] += siemens * voltages[at[a]]
    return found if volts is None else found[0]


def by_ngspice(parts: Iterable, volts, outputs: int, folder):
    """Currents into the outputs, (outputs,), from an operating point of ngspice."""
    assert NGSPICE is not None

    def name(node):
        return "_".join(map(str, node))

    lines = ["* an array of cells and its wires"]
    for k, (a, b, siemens) in enumerate(parts):
        lines.append(f"R{k} {name(a)} {name(b)} {float(1 / siemens)!r}")
    lines += [f"Vin{i} in_{i} 0 {float(v)!r}" for i, v in enumerate(volts)]
    lines += [f"Vout{j} out_{j} 0 0" for j in range(outputs)]
    lines += [".options noacct", ".control", "set numdgt=16", "op"]
    lines += [f"print i(Vout{j})" for j in range(outputs)]
    lines += ["quit", ".endc", ".end"]
    deck = folder / "array.cir"
    deck.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [NGSPICE, "-b", str(deck)], capture_output=True, text=True, timeout=120, check=False
    )
    found: Mapping[str, str] = dict(re.findall(r"i\(vout(\d+)\) = (\S+)", done.stdout))
    return np.array([float(found[str(j)]) for j in range(outputs)])


def by_block_elimination(g, *, r_row, r_col, r_driver=0.0, r_sense=0.0):
    """Rows one after the other, dense; both wires with resistance. (inputs, outputs)."""
    inputs, outputs = g.shape
    along, down = 1 / r_row, 1 / r_col
    first, last = 1 / (r_driver + r_row), 1 / (r_col + r_sense)
    with threadpool_limits(1):
        inverted, to_input = [], []
        before = np.zeros((outputs, outputs))
        for i in range(inputs):
            row = np.diag(g[i]) - along * (np.eye(outputs, k=1) + np.eye(outputs, k=-1))
            row += np.diag([(first if j == 0 else along) for j in range(outputs)])
            row += np.diag([(0 if j == outputs - 1 else along) for j in range(outputs)])
            through = np.linalg.solve(row, np.diag(g[i]))
            own = (down if i > 0 else 0) + (down if i < inputs - 1 else last)
            schur = np.diag(g[i] + own) - g[i][:, None] * through - down**2 * before
            before = np.linalg.inv(schur)
            inverted.append(before)
            to_input.append(first * through[0])
        found = np.empty_like(g)
        voltages = last * inverted[-1]
        for i in range(inputs - 1, -1, -1):
            found[i] = to_input[i] @ voltages
            if i > 0:
                voltages = down * inverted[i - 1] @ voltages
    return found
