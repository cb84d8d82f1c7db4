"""Which name in a weight file is which name in a network.

Wrappers put a prefix before all names (`module.`, `model.`, `net.`, ...), in the file or in the
network. No list of them is needed: a prefix is right if what follows it are the network's names.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

# Wrappers that compute nothing themselves: compilation, sharding, checkpointing of activations,
# data parallelism. They stand in the middle of names, too.
_TRANSPARENT = {"_orig_mod", "_fsdp_wrapped_module", "_fpw_module", "_checkpoint_wrapped_module"}
_TRANSPARENT |= {"module"}
# So deep in a network lies a part that has a file of its own.
_LEVELS = 2


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """One way to take a file's names for a network's.

    Attributes:
        prefix: what stands before the file's names, with its last dot, or empty.
        inside: what stands before the network's names instead, or empty.
        names: network's name -> the file's name, where the file has it.
        spelt: file's name -> how it is spelt here, without wrappers in its middle.
        network: the network's names, spelt so.
        complete: whether every tensor that the network needs is in `names`.
    """

    prefix: str
    inside: str
    names: Mapping[str, str]
    spelt: Mapping[str, str]
    network: Collection[str]
    complete: bool

    @property
    def is_leaf(self) -> bool:
        """Whether it only says which layer of the file a single layer is."""
        bare = not any("." in name.removeprefix(self.inside) for name in self.network)
        return bare and bool(self.prefix or self.inside)


def alignments(
    expected: Collection[str], needed: Mapping[str, str], given: Collection[str]
) -> list[Alignment]:
    """The complete alignments, or else the one that finds most; never empty.

    Names are compared as they are, and if that gives nothing, without transparent wrappers. Where
    nothing is complete, the file may be one part of the network.

    Args:
        expected: the network's names.
        needed: those that must be found -> one name for all that share its tensor.
        given: the file's names.
    """
    found: list[Alignment] = []
    for spelling in (_as_it_is, _without_wrappers):
        file = {spelling(name): name for name in given}
        network = {spelling(name): name for name in expected}
        if len(file) < len(given) or len(network) < len(expected):
            continue  # two names would become one
        common = _common_prefixes(network)
        complete = [one for one in _align(network, needed, file, common) if one.complete]
        if complete:
            return complete
        found += _align(network, needed, file, _prefixes(network))
    # What a part lacks may be nothing that is needed. Else the shortest prefix of those that find
    # as much.
    complete = [one for one in found if one.complete]
    return complete or [
        max(found, key=lambda one: (len(one.names), -len(one.inside), -len(one.prefix)))
    ]


def _as_it_is(name: str) -> str:
    return name


def _without_wrappers(name: str) -> str:
    *path, last = name.split(".")
    return ".".join([part for part in path if part not in _TRANSPARENT] + [last])


def _align(
    network: Mapping[str, str],
    needed: Mapping[str, str],
    file: Mapping[str, str],
    insides: Collection[str],
) -> Iterator[Alignment]:
    """Every prefix of the file's names after which some of the network's names follow, with one
    of `insides` taken off.

    `network` and `file` go from names as they are compared to the original ones.
    """
    ends: dict[str, list[str]] = {}
    for name in network:
        for inside, end in _splits(name):
            if inside in insides:
                ends.setdefault(end, []).append(inside)
    votes: dict[tuple[str, str], dict[str, str]] = {("", ""): {}}
    for name in file:
        for prefix, end in _splits(name):
            for inside in ends.get(end, ()):
                # `x.model.` for `model.` is `x.` for nothing, which is found, too.
                if not prefix or not inside or _last(prefix) != _last(inside):
                    votes.setdefault((prefix, inside), {})[network[inside + end]] = file[name]
    wanted = set(needed.values())
    spelt = {original: name for name, original in file.items()}
    for (prefix, inside), names in votes.items():
        yield Alignment(
            prefix=prefix,
            inside=inside,
            names=names,
            spelt=spelt,
            network=network.keys(),
            complete=wanted <= {needed[name] for name in names if name in needed},
        )


def _common_prefixes(names: Collection[str]) -> set[str]:
    """The empty prefix, and those that all names have."""
    return {""}.union(set.intersection(*map(_prefixes_of, names))) if names else {""}


def _prefixes(names: Collection[str]) -> set[str]:
    """The empty prefix, and those of the first two levels of modules that hold others."""
    return {""}.union(
        prefix for name in names for prefix, end in islice(_splits(name), _LEVELS + 1) if "." in end
    )


def _prefixes_of(name: str) -> set[str]:
    return {prefix for prefix, _ in _splits(name)}


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """`a.b.c` as ("", "a.b.c"), ("a.", "b.c"), ("a.b.", "c")."""
    place = 0
    while True:
        yield name[:place], name[place:]
        dot = name.find(".", place)
        if dot < 0:
            return
        place = dot + 1


def _last(prefix: str) -> str:
    return prefix.rstrip(".").rpartition(".")[2]
