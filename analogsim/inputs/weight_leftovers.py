"""Tensors of a file that a network has no place for: parts that it lacks, or somebody else's.

A training script saves its loss, its metrics or a second network beside the one that is meant.
Those may stay out. A layer that the network lacks may not: without it the function is another.
Where the names leave it open, a tensor counts as a part of the network.
"""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

from analogsim.inputs.weight_names import Alignment

# Counters, of training steps and of operations; no forward pass reads them.
_COUNTERS = {"num_batches_tracked", "n_averaged", "total_ops", "total_params"}
# Tables of whole numbers that follow from shapes; newer versions of the networks do not save them.
_TABLES = {"position_ids", "relative_position_index"}
# Words in the names of what training has beside the network, and of heads for training only.
_FOREIGN = {"criterion", "criteria", "loss", "losses", "metric", "metrics", "acc", "accuracy"}
_FOREIGN |= {"teacher", "momentum", "ema", "optimizer", "optimiser", "aux", "auxiliary"}


def is_counter(name: str) -> bool:
    """Whether the last part of a name is that of a counter."""
    return name.rpartition(".")[2] in _COUNTERS


def left_over(alignment: Alignment, given: Collection[str]) -> list[str]:
    """The names in a file without a place in the network, but for counters."""
    taken = set(alignment.names.values())
    return [name for name in given if name not in taken and not is_counter(name)]


def left_out(alignment: Alignment, given: Collection[str]) -> list[str]:
    """What a note counts: the names without a place, but for BatchNorm's counters of batches."""
    taken = set(alignment.names.values())
    return [
        name
        for name in given
        if name not in taken and name.rpartition(".")[2] != "num_batches_tracked"
    ]


def missing_parts(alignment: Alignment, given: Mapping[str, Tensor]) -> list[str]:
    """The tensors of a file that look like a part of the network that it lacks.

    Beside the network's own names: a tensor in a module that the network has; one at its top; the
    next of a numbered sequence (`layer5` after `layer4`); a layer that is no linear one with a
    bias (a normalisation, a scale); a module made like one of the network's. Before those names,
    where the file has a prefix: the next of a numbered sequence. What is named as training's own
    (`criterion`, `teacher`, ...) is none.

    Args:
        alignment: which of the file's names are the network's.
        given: the file's tensors, by name.

    Returns:
        Their names, without the file's prefix.
    """
    left = {
        alignment.spelt[name]: given[name]
        for name in left_over(alignment, given)
        if name.rpartition(".")[2] not in _TABLES or given[name].is_floating_point()
    }
    if alignment.is_leaf:
        return [name for name in left if not any(map(_is_foreign, name.split(".")))]
    found = [
        name
        for name in left
        if not name.startswith(alignment.prefix) and _is_neighbour(name, alignment.prefix)
    ]
    sides = {
        alignment.spelt[name].removeprefix(alignment.prefix): given[name].dim()
        for name in alignment.names.values()
    }
    modules = _modules(
        {
            (bare := name.removeprefix(alignment.inside)): sides.get(bare)
            for name in alignment.network
        }
    )
    strangers: dict[tuple[str, str], dict[str, Tensor]] = {}
    for name, tensor in left.items():
        if name.startswith(alignment.prefix):
            home, child, end = _departure(name.removeprefix(alignment.prefix), modules)
            strangers.setdefault((home, child), {})[end] = tensor
    children = {
        home: {end.partition(".")[0] for end in modules[home] if "." in end}
        for home in {home for home, _ in strangers}
    }
    for (home, child), ends in strangers.items():
        if _is_part(home, child, ends, modules, children[home]):
            found += [f"{home}{child}.{end}".rstrip(".") for end in ends]
    return found


def _modules(sides: Mapping[str, int | None]) -> dict[str, dict[str, int | None]]:
    """Each module, with its last dot (the empty name is the network) -> the tensors below it, and
    how many sides each has, where known."""
    modules: dict[str, dict[str, int | None]] = {"": {}}
    for name, count in sides.items():
        if is_counter(name):
            continue
        modules[""][name] = count
        for match in re.finditer(r"\.", name):
            modules.setdefault(name[: match.end()], {})[name[match.end() :]] = count
    return modules


def _departure(name: str, modules: Collection[str]) -> tuple[str, str, str]:
    """The deepest module of the network on the way to a tensor, its child that the network
    lacks, and what follows that, if anything does."""
    home, rest = "", name
    while "." in rest:
        child, _, end = rest.partition(".")
        if f"{home}{child}." not in modules:
            return home, child, end
        home, rest = f"{home}{child}.", end
    return home, rest, ""


def _is_part(
    home: str,
    child: str,
    ends: Mapping[str, Tensor],
    modules: Mapping[str, Mapping[str, int | None]],
    children: Collection[str],
) -> bool:
    # At the top, or in what only wraps the top.
    if len(modules[home]) < len(modules[""]):
        return True
    if _is_foreign(child):
        return False
    if "" in ends or any(_same_sequence(child, own) for own in children):
        return True
    if any("." not in end for end in ends):
        return not (ends.keys() == {"weight", "bias"} and ends["weight"].dim() == 2)
    sides = {end: tensor.dim() for end, tensor in ends.items()}
    return any(sides == modules[f"{home}{own}."] for own in children)


def _is_neighbour(name: str, prefix: str) -> bool:
    """Whether a name that lacks the prefix is in the next module of a numbered sequence."""
    pairs = zip(name.split("."), prefix.split("."), strict=False)
    part, own = next((part, own) for part, own in pairs if part != own)
    return not _is_foreign(part) and _same_sequence(part, own)


def _is_foreign(part: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", part)
    return not _FOREIGN.isdisjoint(word.lower() for word in words)


def _same_sequence(one: str, other: str) -> bool:
    """Whether two different names differ in their last number only; `fc` comes before `fc2`."""
    return one.rstrip("0123456789") == other.rstrip("0123456789")
