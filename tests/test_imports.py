"""The order of imports, read from the source: data flows one way, and so do imports."""

import ast
import functools
import graphlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from analogsim.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGES = ("analogsim", "device_models")

# A part may import parts of a lower level, and itself.
LEVELS = {
    "device_models": 0,
    "analogsim._version": 1,
    "analogsim.errors": 1,
    "analogsim.bounded": 1,
    "analogsim.printable": 1,
    "analogsim.processor": 1,
    "analogsim.draws": 2,
    "analogsim.durations": 2,
    "analogsim.schema": 2,
    "analogsim.toml_text": 1,
    "analogsim.call": 2,
    "analogsim.copying": 2,
    "analogsim.own_files": 2,
    "analogsim.keys": 3,
    "analogsim.quantity": 3,
    "analogsim.seal": 3,
    # Below the zoo and the noise, which know its layers.
    "analogsim.batchnorm": 3,
    "analogsim.lowrank": 3,
    "analogsim.centring": 3,
    # Below the adapters, which lie beside layers that only a rewrite has; it knows torch alone.
    "analogsim.crossbar.conversion.rewrites": 2,
    "analogsim.inputs": 4,
    "analogsim.gaussian": 4,
    # Below the periphery, whose settings are read with it.
    "analogsim.crossbar.adc": 4,
    "analogsim.crossbar": 5,
    "analogsim.crossbar.mapping": 5,
    "analogsim.crossbar.forward": 6,
    "analogsim.crossbar.conversion": 7,
    "analogsim.crossbar.chip": 8,
    "analogsim.crossbar.folder": 9,
    "analogsim.experiment": 10,
    "analogsim.report": 11,
    "analogsim.training": 11,
    "analogsim.hardening": 12,
    "analogsim.doctor": 11,
    # Above the report: it says its numbers with the report's labels.
    "analogsim.equivalent": 12,
    "analogsim.attribution": 12,
    "analogsim.scopes": 12,
    "analogsim.export": 12,
    "analogsim.suites": 13,
    "analogsim.findings": 14,
    "analogsim.spec": 14,
    "analogsim.studies": 15,
    "analogsim.cli": 16,
    # The public face; it may import every part but the command line, and no part imports it.
    "analogsim": 16,
    "analogsim.__main__": 17,
}
HEAVY = {"torch", "torchvision", "aihwkit"}
# Their import, with all that it brings in, must not load torch: `--help`, `--version`, `presets`
# and `report` start without it.
TORCH_FREE = (
    "analogsim.cli.main", *(f"analogsim.cli.{name}" for name in COMMANDS), "analogsim.doctor",
    "analogsim.experiment.records", "analogsim.experiment.statistics", "analogsim.findings",
    "analogsim.inputs.names", "analogsim.report", "analogsim.spec", "device_models",
)  # fmt: skip
# The laws are torch code, imported when a device is asked for one.
TORCH_ALLOWED = ("device_models.checking", "device_models.simulated", "device_models.laws")
CONFIG_FILE = "analogsim.crossbar.forward.rpu_config"
# Imports are statements: there is none inside these, which are most of a module's nodes.
_WITHOUT_STATEMENTS = (
    ast.expr, ast.Assign, ast.AnnAssign, ast.Return, ast.Expr, ast.Import, ast.ImportFrom,
    ast.arguments,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Imports:
    """Dotted names that a module imports."""

    at_start: frozenset[str]
    """When the module is imported."""
    anywhere: frozenset[str]
    """Also inside functions and under TYPE_CHECKING."""


def read_imports(source: str) -> Imports:
    """`from a import b` gives `a.b`: b may be a module. Relative imports are refused."""
    body = ast.parse(source).body
    return Imports(
        at_start=frozenset(_names(_statements(body, later=False))),
        anywhere=frozenset(_names(_statements(body, later=True))),
    )


def _statements(body: Iterable[ast.AST], *, later: bool) -> Iterator[ast.AST]:
    """The statements of a body; with `later` also those in functions and under TYPE_CHECKING."""
    for node in body:
        if not later and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        yield node
        if not later and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _statements(node.orelse, later=later)
        elif not isinstance(node, _WITHOUT_STATEMENTS):
            yield from _statements(ast.iter_child_nodes(node), later=later)


def _names(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports are not used here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def read_library() -> dict[str, Imports]:
    """Every module of the installed packages -> what it imports."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = read_imports(path.read_text(encoding="utf-8"))
    return found


@functools.cache
def part_of(module: str) -> str:
    """The longest name in `LEVELS` that holds `module`."""
    holders = [part for part in LEVELS if _is_within(module, (part,))]
    return max(holders, key=len)


def to_module(name: str, library: Mapping[str, Imports]) -> str | None:
    """The library's module that `import name` or `from ... import` reaches, or None."""
    while name:
        if name in library:
            return name
        name = name.rpartition(".")[0]
    return None


def brought_in(module: str, library: Mapping[str, Imports]) -> dict[str, tuple[str, ...]]:
    """Heavy package -> the chain of modules by which importing `module` brings it in."""
    found: dict[str, tuple[str, ...]] = {}
    chains = [(module,)]
    seen = set()
    while chains:
        chain = chains.pop()
        # Importing a.b.c runs a and a.b first.
        parents = [".".join(chain[-1].split(".")[:n]) for n in range(1, chain[-1].count(".") + 2)]
        for name in parents:
            if name in seen or name not in library:
                continue
            seen.add(name)
            for imported in library[name].at_start:
                if (top := imported.partition(".")[0]) in HEAVY:
                    found.setdefault(top, (*chain, name))
                elif (target := to_module(imported, library)) is not None:
                    chains.append((*chain, target))
    return found


def _is_within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _wrong_imports(module: str) -> list[str]:
    """The modules that it imports though they are not of a lower part."""
    part = part_of(module)
    targets = {to_module(name, read_library()) for name in read_library()[module].anywhere}
    return sorted(
        target
        for target in targets
        if target is not None
        and part_of(target) != part
        and LEVELS[part_of(target)] >= LEVELS[part]
    )


def test_imports_go_downwards() -> None:
    wrong = {module: found for module in read_library() if (found := _wrong_imports(module))}
    assert not wrong, f"modules must import lower parts only, and these do not: {wrong}"


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {
        module: {to_module(name, read_library()) for name in imports.anywhere} - {None, module}
        for module, imports in read_library().items()
    }
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError with the circle


def test_starts_without_torch() -> None:
    light = [
        module
        for module in read_library()
        if _is_within(module, TORCH_FREE) and not _is_within(module, TORCH_ALLOWED)
    ]
    assert len(light) > len(TORCH_FREE)
    assert {module: brought_in(module, read_library()) for module in light} == dict.fromkeys(
        light, {}
    )


def test_one_file_builds_aihwkit_configurations() -> None:
    builders = {
        module
        for module, imports in read_library().items()
        for name in imports.anywhere
        if _is_within(name, ("aihwkit.simulator.configs", "aihwkit.simulator.presets"))
    }
    assert builders == {CONFIG_FILE}


def test_experiments_and_tests_are_never_imported() -> None:
    wrong = {
        (module, name)
        for module, imports in read_library().items()
        for name in imports.anywhere
        if name.partition(".")[0] in {"experiments", "tests", "benchmarks"}
    }
    assert wrong == set()


def test_reader_tells_start_from_later() -> None:
    """Negative control of the reader."""
    imports = read_imports(
        "import a.b\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from torch import Tensor\n"
        "try:\n    import c\nexcept ImportError:\n    pass\n"
        "class K:\n    import d\n    def f(self):\n        import torch.nn\n"
    )
    assert imports.at_start == {"a.b", "typing.TYPE_CHECKING", "c", "d"}
    assert imports.anywhere - imports.at_start == {"torch.Tensor", "torch.nn"}
    with pytest.raises(AssertionError, match="line 1: relative imports"):
        read_imports("from . import x")


def test_chain_to_torch_is_found_through_packages() -> None:
    """Negative control of the search: a package's `__init__` counts."""
    library = {
        "p": read_imports(""),
        "p.light": read_imports("from p.sub import leaf"),
        "p.sub": read_imports("import torch"),
        "p.sub.leaf": read_imports(""),
    }
    assert brought_in("p.light", library) == {"torch": ("p.light", "p.sub.leaf", "p.sub")}
    assert brought_in("p", library) == {}
