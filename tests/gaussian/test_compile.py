"""Compiling the kernels for sm_80 and sm_90 without a GPU: what the machine code looks like."""

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HAS_TRITON = importlib.util.find_spec("triton") is not None

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not HAS_TRITON, reason="needs Triton, which comes with CUDA builds of torch"
    ),
]

# Integers that a launch gives at run time; all others with this type are multiples of 16.
COUNTS = ("n_trials", "trials_each")
INTEGERS = ("n", "start", *COUNTS)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kernel, its constants, and the types of its arguments where they are not int32 tables.

    `stores` are its 16-byte stores, `other_stores` all others, `loads` the 16-byte loads that it
    must have at the least.
    """

    kernel: str
    constants: dict[str, object]
    floats: tuple[str, ...]
    half: str | None = None
    stores: int = 0
    other_stores: int = 0
    loads: int = 0


NOISE = {"BY_COLUMN": False, "MULTIPLICATIVE": False, "SOME_ZERO": False}
NOISE_FLOATS = ("clean", "out", "sigma", "chunk_floor")
PCM_FLOATS = (
    "programmed nu drifted chunk_sum time tile_abs_max alpha tile_baseline out column_scale"
).split()


def noise(half=None, stores=4, loads=4, **constants):
    made = NOISE | {"FLOOR": False, "BLOCK": 2048} | constants
    return Case(
        kernel="kernels.noise_kernel", constants=made, floats=NOISE_FLOATS, half=half,
        stores=stores, loads=loads,
    )  # fmt: skip


def pcm(name, **counts):
    return Case(
        kernel=f"pcm_kernels.{name}_kernel", constants={"BLOCK": 1024}, floats=PCM_FLOATS, **counts
    )


CASES = {
    "noise": noise(),
    "noise with every option": noise(loads=8, **dict.fromkeys([*NOISE, "FLOOR"], True)),
    # Triton compiles an argument that is 1 as a constant.
    "noise of one trial": noise(n_trials=1, trials_each=1),
    "noise to bfloat16": noise("bf16", stores=2, loads=0),
    "noise to float16": noise("fp16", stores=2, loads=0),
    "noise in channels_last": Case(
        kernel="kernels.permuted_kernel",
        constants={**NOISE, "BLOCK": 1024},
        floats=NOISE_FLOATS,
        stores=2,
        loads=2,
    ),
    "pcm drift": pcm("drift", stores=2, other_stores=1, loads=4),  # the sums, one a chunk
    "pcm alpha": pcm("alpha", other_stores=1),
    # Rows of a tile start anywhere in the network's weights.
    "pcm assemble": pcm("assemble", other_stores=8, loads=2),
    "integers": Case(
        kernel="kernels.integers_kernel", constants={"BLOCK": 1024}, floats=(), stores=2
    ),
}


def compiled(case, capability, **options):
    """The compiled kernel, as a launch with 16-byte aligned tensors would have it."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from analogsim.draws import kernels
    from analogsim.gaussian import launch
    from benchmarks.gpu import pcm_kernels

    file, name = case.kernel.split(".")
    function = getattr({"kernels": kernels, "pcm_kernels": pcm_kernels}[file], name)
    types, constants, aligned = {}, {}, {}
    for i, argument in enumerate(function.arg_names):
        if argument in case.constants:
            types[argument], constants[i,] = "constexpr", case.constants[argument]
            continue
        pointer = "*" + (case.half or "fp32") if argument == "out" else "*fp32"
        kind = pointer if argument in case.floats else "*i32"
        types[argument] = "i32" if argument in INTEGERS else kind
        if argument not in COUNTS:
            aligned[i,] = [["tt.divisibility", 16]]
    source = ASTSource(function, types, constexprs=constants, attrs=aligned)
    target = GPUTarget("cuda", capability, 32)
    return triton.compile(source, target=target, options=launch.COMPILE | options)


def resources(cubin, folder):
    """(registers a thread, bytes of stack): spilled registers lie on the stack."""
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    (folder / "kernel.cubin").write_bytes(cubin)
    run = subprocess.run(
        [str(tool), "-res-usage", "kernel.cubin"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found = re.search(r"REG:(\d+) STACK:(\d+)", run.stdout)
    return int(found.group(1)), int(found.group(2))


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("name", CASES)
def test_machine_code(name, capability, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    case = CASES[name]
    kernel = compiled(case, capability)
    ptx = kernel.asm["ptx"]
    assert f".target sm_{capability}" in ptx
    assert kernel.asm["cubin"][:4] == b"\x7fELF"

    registers, stack = resources(kernel.asm["cubin"], tmp_path)
    assert stack == 0
    # Four blocks of 128 threads a multiprocessor at the least, of 65,536 registers.
    assert registers <= 128

    # 16 bytes: four words of 32 bits, of two halves each where the type is smaller.
    assert len(re.findall(r"st\.global\.v4\.b32", ptx)) == case.stores
    assert len(re.findall(r"ld\.global\.v4\.b32", ptx)) >= case.loads
    assert len(re.findall(r"st\.global\.", ptx)) == case.stores + case.other_stores
    if case.half == "bf16":
        assert "cvt.rn.bf16x2.f32" in ptx  # rounds to nearest, unlike the interpreter


def test_spilled_registers_are_seen(tmp_path, monkeypatch):
    """Negative control: with too few registers the stack is used."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    kernel = compiled(CASES["noise in channels_last"], 80, maxnreg=32)
    registers, stack = resources(kernel.asm["cubin"], tmp_path)
    assert registers <= 32
    assert stack > 0
