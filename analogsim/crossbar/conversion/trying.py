"""A network's forward pass is tried before anything is believed of it.

Random numbers in eval mode, a state between calls, inputs that are written into, batches whose rows
decide about each other: each would make a chip's accuracy another thing than it seems.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from analogsim.call import Inputs, tensors_in
from analogsim.crossbar.mapping.plan import check_finite
from analogsim.draws.strangers import drawn_from
from analogsim.errors import InputError, first_line

MOST_ROWS = 6
"""Rows of a batch that are tried: of ten or more all checks then cost less than three passes."""

TOLERANCE = 1e-4
"""Of a tensor's norm; rounding in another order leaves about 1e-6."""

_CALLS = 12
"""Calls more of a network on which something changes from call to call."""

_PART = 2
"""Rows of a part of a batch."""

LOW_PRECISION_TOLERANCE = 2e-2
"""The same where the network computes in 16 bits."""

_FAR = 100.0
"""A constant so many times above all other values stands for none: it is a mask."""

_LEAST = 1e-4
"""Of the largest of these others, at least: smaller ones beside an output are its rounding."""

_LOW = (torch.float16, torch.bfloat16)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call and what the digital network gives for it."""

    inputs: Inputs
    wanted: tuple[Tensor, ...]
    seed: int = 2
    """Of the random numbers that were drawn for it."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What trying a network's forward pass has shown.

    Attributes:
        cases: the example's first rows, and other inputs that may take other branches.
        few: as few rows of it as the network takes.
        separable: whether rows of a batch are treated by themselves.
        changes_input: whether the network writes into its input.
        changing: names of the modules whose parameters a pass replaces or changes.
        notes: the same in words, where the user should know.
    """

    cases: tuple[Case, ...]
    few: Inputs
    separable: bool
    changes_input: bool
    changing: frozenset[str]
    notes: tuple[str, ...]


def try_forward(network: nn.Module, example: Inputs) -> Tried:
    """Run a digital network in eval mode on a few rows of an example, again and in pieces.

    Raises:
        InputError: it does not run, gives no tensor, or keeps a state between calls.
    """
    rows, whole, pass_ = _first(network, example)
    tolerance = LOW_PRECISION_TOLERANCE if _is_low(network, whole) else TOLERANCE
    n = rows.n
    # Not side by side, and backwards: what looks at its neighbours then sees others.
    step = max(1, n // _PART)
    picked = list(range(n - 1, -1, -step))[:_PART] if n > 1 else []
    others = [i - 1 for i in picked if i - 1 not in picked and i]
    part, first = _part(network, rows, picked)
    notes = []
    again = part or rows
    if part is None:
        first = _same_again(network, rows, None if pass_.drew else whole)
    states = _states(network)
    _same_again(network, again, first)
    if _states(network) != states:
        # Something is counted or gathered: it may show after some calls only.
        for _ in range(_CALLS):
            _same_again(network, again, first)
    varies = _varies(network, rows, whole) if pass_.drew else 0.0
    by_row = part is not None and all(t.dim() and len(t) == n for t in whole)
    separable = by_row and error(first, [t[picked] for t in whole]) <= tolerance
    if separable and others:
        rest = _run(network, rows.pick(others), seed=2).tensors
        separable = error(rest, [t[others] for t in whole]) <= tolerance
    if varies > tolerance:
        separable = False
        notes.append(
            "The network draws random numbers in eval mode (dropout left on, sampling?): its "
            f"outputs differ by {100 * varies:.2g} % from call to call, and every accuracy holds "
            "that."
        )
    elif n > 1 and not separable and part is not None and not by_row:
        notes.append("The output has not a row for each input: batches are computed whole.")
    elif n > 1 and not separable:
        notes.append(
            "The output for an input depends on which others are in its batch (statistics of the "
            "batch?): batches are computed whole, and their size moves the accuracy."
        )
    if pass_.changed_input:
        notes.append("The network writes into its input; it is given copies.")
    return Tried(
        cases=(Case(inputs=rows, wanted=whole, seed=1), *_others(network, rows)),
        few=rows if part is None else part,
        separable=separable,
        changes_input=pass_.changed_input,
        changing=pass_.changed_weights,
        notes=tuple(notes),
    )


def _same_again(
    network: nn.Module, inputs: Inputs, before: Sequence[Tensor] | None
) -> tuple[Tensor, ...]:
    """The output for inputs that the network has taken before, and what it gave for them then.

    Raises:
        InputError: it takes them no longer, or gives something else.
    """
    try:
        output = _run(network, inputs, seed=2).tensors
    except InputError as err:
        raise InputError(_state(first_line(err.__cause__ or err))) from err
    tolerance = LOW_PRECISION_TOLERANCE if _is_low(network, output) else TOLERANCE
    if before is not None and error(output, before) > tolerance:
        raise InputError(_state(f"a relative difference of {error(output, before):.2g}"))
    return output


def _state(got: str) -> str:
    return (
        f"network must give the same output for the same input, got {got} at the next call: it "
        "keeps a state between calls, or draws random numbers of its own; reset the state at the "
        "start of forward"
    )


@dataclass(frozen=True, kw_only=True)
class _Pass:
    """One forward pass: its output's tensors, and what it did beside."""

    tensors: tuple[Tensor, ...]
    changed_input: bool
    changed_weights: frozenset[str]
    drew: bool
    """Whether a random number generator has moved."""


def _first(network: nn.Module, example: Inputs) -> tuple[Inputs, tuple[Tensor, ...], _Pass]:
    """A few rows that the network takes, or the whole example where it takes no part of it."""
    example = example.map(torch.Tensor.detach)
    rows = example.rows(0, MOST_ROWS)
    if not rows.n:
        raise InputError(
            f"network must be tried on at least one input, got none ({example.describe()}); give "
            "some"
        )
    try:
        if rows.n == 1:
            rows = _doubled(network, rows)
        seen = _run(network, rows, seed=1)
    except InputError:
        if example.n <= MOST_ROWS:
            raise
        rows = example
        seen = _run(network, rows, seed=1)
    numbers = [t for t in seen.tensors if t.is_floating_point() and t.numel()]
    if numbers and all(bool(t.isnan().all()) for t in numbers):
        for name, layer in network.named_modules():
            check_finite(name or type(layer).__name__, dict(layer.named_parameters(recurse=False)))
        raise InputError(
            f"network must give numbers for the inputs given ({rows.describe()}), got NaN alone; "
            "give inputs that it takes"
        )
    return rows, seen.tensors, seen


def _part(
    network: nn.Module, rows: Inputs, picked: Sequence[int]
) -> tuple[Inputs | None, tuple[Tensor, ...]]:
    """These rows and the output for them; None where the network does not take them alone."""
    if picked:
        part = rows.pick(picked)
        with suppress(InputError):
            return part, _run(network, part, seed=2).tensors
    return None, ()


def _varies(network: nn.Module, inputs: Inputs, first: Sequence[Tensor]) -> float:
    """How far outputs are apart from one draw of random numbers to the next."""
    return max(error(_run(network, inputs, seed=seed).tensors, first) for seed in range(3, 8))


def run(network: nn.Module, inputs: Inputs, *, seed: int = 2) -> tuple[Tensor, ...]:
    """The tensors of a network's output; inputs are copied, and random numbers repeat."""
    with torch.no_grad(), drawn_from(seed):
        return tuple(map(_dense, tensors_in(inputs.clone().call(network))))


def error(got: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """Largest |got - wanted| / |wanted| (Frobenius norms) of any tensor, masks by themselves.

    Infinite where shapes, infinities, NaN or whole numbers differ.
    """
    if len(got) != len(wanted):
        return float("inf")
    return max((_error(g, w) for g, w in zip(got, wanted, strict=True)), default=0.0)


def _error(got: Tensor, wanted: Tensor) -> float:
    if got.shape != wanted.shape:
        return float("inf")
    if not wanted.is_floating_point():
        if wanted.is_complex() and got.is_complex():
            return _error(torch.view_as_real(got), torch.view_as_real(wanted))
        return 0.0 if torch.equal(got, wanted) else float("inf")
    g, w = got.double(), wanted.double()
    finite = torch.isfinite(w)
    if not _same(g[~finite], w[~finite]) or not bool(torch.isfinite(g[finite]).all()):
        return float("inf")
    g, w = g[finite], w[finite]
    if torch.equal(g, w):
        return 0.0
    # A norm with masks (-1e9) in it would hide any difference of the others.
    ordinary = _ordinary(w)
    return max(_relative(g[those], w[those]) for those in (ordinary, ~ordinary))


def _ordinary(values: Tensor) -> Tensor:
    """Which values are none of the constants that lie far above all others."""
    sizes = values.abs()
    there = torch.ones_like(sizes, dtype=torch.bool)
    while bool(there.any()):
        largest = sizes[there].max()
        others = there & (sizes < largest)
        beside = float(sizes[others].max()) if bool(others.any()) else 0.0
        if beside < _LEAST or float(largest) <= _FAR * beside:
            return there
        there = others
    return there


def _relative(got: Tensor, wanted: Tensor) -> float:
    difference = float((got - wanted).norm())
    # Outputs that are all but zero are compared by themselves.
    return difference / max(float(wanted.norm()), 1e-6) if difference else 0.0


def _dense(t: Tensor) -> Tensor:
    """The values of a tensor of any layout."""
    t = t.dequantize() if t.is_quantized else t
    return t if t.layout == torch.strided else t.to_dense()


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors of one shape hold the same; NaN is NaN."""
    if a.shape != b.shape:
        return False
    a, b = _dense(a), _dense(b)
    return bool(((a == b) | ((a != a) & (b != b))).all())


def _run(network: nn.Module, inputs: Inputs, *, seed: int) -> _Pass:
    given, before = inputs.clone(), _weights(network)
    kept = list(given.tensors())
    try:
        with torch.no_grad(), drawn_from(seed) as moved:
            output = given.call(network)
            drew = moved()
    # A stranger's network may raise anything.
    except Exception as err:
        raise InputError(
            f"network must run on the inputs given ({inputs.describe()}), got "
            f"{type(err).__name__}: {first_line(err)}; give inputs that it takes, of its types"
        ) from err
    tensors = tuple(map(_dense, tensors_in(output)))
    if not tensors:
        raise InputError(
            f"network must give a tensor, or a tuple, dictionary or object with tensors, got "
            f"{type(output).__name__}; wrap the network"
        )
    same = [id(t) for t in given.tensors()] == [id(t) for t in kept]
    same = same and all(map(_same, kept, inputs.tensors()))
    after = _weights(network)
    return _Pass(
        tensors=tensors,
        changed_input=not same,
        changed_weights=frozenset(name for name in after if after[name] != before[name]),
        drew=drew,
    )


def _states(network: nn.Module) -> list[object]:
    """What a network may keep between calls: numbers and tensors on its modules."""
    found: list[object] = []
    for m in network.modules():
        for key, value in (*vars(m).items(), *m._buffers.items()):
            if isinstance(value, Tensor):
                # Not by id: a new tensor may lie where an old one was.
                found.append((key, tuple(value.shape), _sum(value)))
            elif isinstance(value, int | float | str):
                found.append((key, value))
            elif isinstance(value, list | dict | set) and not key.startswith("_"):
                found.append((key, len(value)))
    return found


def _sum(t: Tensor) -> str:
    if t.is_meta or t.is_complex() or not t.numel():
        return ""
    return repr(float(_dense(t).double().sum()))


def _is_low(network: nn.Module, outputs: Sequence[Tensor]) -> bool:
    """Whether it computes in 16 bits somewhere, where batches round differently."""
    return any(t.dtype in _LOW for t in (*network.parameters(), *outputs))


def _doubled(network: nn.Module, one: Inputs) -> Inputs:
    """Two rows of one, where the network takes two; the second differs from the first."""
    n = one.n

    def twice(t: Tensor) -> Tensor:
        return torch.cat([t, _other(t)]) if t.dim() and len(t) == n else t

    two = one.map(twice)
    try:
        run(network, two)
    except Exception:  # noqa: BLE001 - it takes single inputs only
        return one
    return two


def _others(network: nn.Module, rows: Inputs) -> Iterator[Case]:
    """Other inputs that the network takes: other rows, changed, of another number."""
    n = rows.n
    for picked in ([0, 1], [n - 1]) if n > 4 else ([n - 1],):
        inputs = rows.pick(picked).map(_other)
        try:
            wanted = run(network, inputs)
        except Exception:  # noqa: BLE001 - no input of this network's
            continue
        yield Case(inputs=inputs, wanted=wanted)


def _other(t: Tensor) -> Tensor:
    """Values of the same kind that may take another branch: negated, or in another order."""
    if t.layout != torch.strided:
        return t.clone()
    if t.is_floating_point():
        return -t.flip(-1) if t.dim() else -t
    return t.flip(-1) if t.dim() > 1 and t.dtype != torch.bool else t.clone()


def _weights(network: nn.Module) -> dict[str, tuple[tuple[int, int, int], ...]]:
    """By module: identity, memory and version of each weight that hooks might change."""
    return {
        name: tuple(
            (id(value), value.data_ptr(), value._version)
            for value in (getattr(m, "weight", None),)
            if isinstance(value, Tensor)
        )
        for name, m in network.named_modules()
        if m._forward_pre_hooks and isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)
    }
