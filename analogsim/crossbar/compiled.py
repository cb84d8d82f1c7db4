"""A chip's network through torch's compiler, which fuses what lies between the products.

A chip's weights are inputs of the compiled pass: other weights, a drift or another chip of the same
network compile nothing anew. A second batch size does, once; the pass then takes any.
"""

import functools
import os
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from analogsim.errors import InputError

# For each network and kind of batch one; past torch's default of 8 the pass would not be compiled.
_MOST_COMPILATIONS = 64


def call_compiled(module: nn.Module, x: Tensor) -> Tensor:
    """`module(x)` in a compiled pass, without gradients.

    Raises:
        InputError: torch's compiler cannot compile here.
    """
    from torch._dynamo.exc import BackendCompilerFailed

    try:
        with torch.no_grad():
            return _compiled()(module, x)
    except BackendCompilerFailed as err:
        raise _refusal(err) from err


@functools.cache
def check_compiler() -> None:
    """Compile a small function, so that a machine that cannot says so before a long run.

    Raises:
        InputError: torch's compiler cannot compile here.
    """
    call_compiled(nn.ReLU(), torch.zeros(64))


@functools.cache
def _compiled() -> Callable[[nn.Module, Tensor], Tensor]:
    # Imported here: it takes seconds.
    import torch._dynamo.config as limits
    import torch._inductor.config as inductor

    limits.recompile_limit = max(limits.recompile_limit, _MOST_COMPILATIONS)
    # No helpers of its own: a worker that is forked later can wait for them for ever.
    inductor.compile_threads = 1
    return cast(Callable[[nn.Module, Tensor], Tensor], torch.compile(_call))


def _call(module: nn.Module, x: Tensor) -> Tensor:
    output: Tensor = module(x)
    return output


def _refusal(err: Exception) -> InputError:
    first = next(iter(str(err).strip().splitlines()), type(err).__name__)
    return InputError(
        "forward 'native-compiled' must have a C++ compiler that torch can use, got "
        f"{os.environ.get('CXX', 'g++')!r} ({first}); install one, or use --forward native"
    )
