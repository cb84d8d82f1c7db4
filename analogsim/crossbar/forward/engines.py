"""How a chip computes its products: the choice, its reason, and a fresh engine of that kind."""

from typing import get_args

from analogsim.crossbar.forward.compiled import check_compiler
from analogsim.crossbar.forward.dynamic import DynamicEngine
from analogsim.crossbar.forward.native import PerfectEngine, StaticEngine
from analogsim.crossbar.forward.sliced import SlicedEngine
from analogsim.crossbar.mapping.analog_model import AnalogModel, Forward, How
from analogsim.crossbar.mapping.layer import CrossbarLayer, Engine
from analogsim.crossbar.mapping.periphery import Periphery, TileKind
from analogsim.crossbar.mapping.product_law import product_law
from analogsim.errors import InputError


def choose_forward(periphery: Periphery, tile: TileKind, asked: Forward) -> tuple[How, str]:
    """How the products are computed, and why; `native` only where it computes the same.

    Raises:
        InputError: `native` was asked for where it would not compute the same.
    """
    check_choice("forward", asked, get_args(Forward))
    bound, static = periphery.input_bound, periphery.input_scaling == "static"
    native = asked in {"auto", "native"} and tile != "cpp" and static
    if bound != 1 and not native and not periphery.perfect:
        raise InputError(
            f"periphery {periphery.name} input_bound must be 1 for aihwkit's tiles and for dynamic "
            f"input scaling, got {bound}; use --tile native, --forward auto and static input ranges"
        )
    if asked == "tile" and tile == "native":
        raise InputError(
            "forward 'tile' must have one of aihwkit's tiles, got tile 'native', whose law is "
            "computed here; use --tile torch or --tile cpp, or leave --forward out"
        )
    if not periphery.plain and (asked == "tile" or tile == "cpp"):
        raise InputError(
            f"periphery {periphery.name!r} must have whole weights in pairs, inputs at once, a "
            "uniform ADC and a fixed output range for aihwkit's tiles, got others; use --tile "
            "native and --forward auto"
        )
    if asked == "tile":
        return "tile", f"aihwkit's {tile} tile by choice"
    if asked == "native-bf16":
        if not periphery.perfect:
            raise InputError(
                f"forward 'native-bf16' must have an ideal periphery, got {periphery.name!r}; "
                "the converters' steps are finer than bfloat16"
            )
        return "native-bf16", "ideal periphery, rounded to bfloat16 (about 1 % of the logits)"
    if asked == "native-compiled":
        if not periphery.perfect:
            raise InputError(
                f"forward 'native-compiled' must have an ideal periphery, got {periphery.name!r}; "
                "use --periphery ideal, or leave --forward out"
            )
        check_compiler()
        return "native-compiled", "ideal periphery, in one pass of torch's compiler"
    if periphery.perfect:
        if tile == "cpp" and asked == "auto":
            return "tile", "aihwkit's C++ tile by choice"
        return "native", "ideal periphery: products of the tiles' weights, exact"
    if tile == "cpp":
        why = "aihwkit's C++ tile by choice"
    elif tile == "native" and not static:
        return "native", "dynamic input ranges: exact up to ties of the converters"
    elif periphery.input_scaling == "dynamic":
        why = "with dynamic input scaling aihwkit's torch tile couples the images of a batch"
    else:
        return "native", "static input ranges: exact up to ties of the converters"
    if asked == "native":
        raise InputError(
            f"forward must be 'tile' or 'auto' for tile {tile!r} with periphery "
            f"{periphery.name!r}, got 'native'; {why}"
        )
    return "tile", why


def new_engine(analog: AnalogModel, layer: CrossbarLayer) -> Engine:
    """A fresh engine for one layer of a chip."""
    if analog.forward == "tile":
        from analogsim.crossbar.forward.tiles import TileEngine  # aihwkit's tiles take 0.4 s

        return TileEngine(layer, analog.tile)
    if analog.periphery.perfect:
        return PerfectEngine()
    law = product_law(analog.periphery, analog.tile, analog.device)
    if not analog.periphery.plain:
        return SlicedEngine(law)
    return StaticEngine(law) if analog.periphery.input_scaling == "static" else DynamicEngine(law)


def joins(how: How) -> bool:
    """Whether chips compute BatchNorms with the factors of the layers before them."""
    # A compiled pass fuses them by itself.
    return how in {"native", "native-bf16"}


def check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is none of the choices. Raises InputError."""
    if value not in choices:
        raise InputError(f"{what} must be one of {', '.join(choices)}, got {value!r}; choose one")
