"""A chip's network through torch's compiler, which fuses what lies between the products.

A chip's weights are inputs of the compiled pass: other weights, a drift or another chip of the same
network compile nothing anew. A second batch size does, once; the pass then takes any.
"""

import functools
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from analogsim.call import Inputs
from analogsim.errors import InputError

# For each network and kind of batch one; past torch's default of 8 the pass would not be compiled.
_MOST_COMPILATIONS = 64


def call_compiled(module: nn.Module, inputs: Inputs) -> Any:
    """`inputs.call(module)` in a compiled pass, without gradients.

    Raises:
        InputError: torch's compiler cannot compile here.
    """
    from torch._dynamo.exc import BackendCompilerFailed

    try:
        with torch.no_grad():
            return _compiled()(module, inputs.args, dict(inputs.kwargs))
    except BackendCompilerFailed as err:
        raise _refusal(err) from err


@functools.cache
def check_compiler() -> None:
    """Compile a small function, so that a machine that cannot says so before a long run.

    Raises:
        InputError: torch's compiler cannot compile here.
    """
    call_compiled(nn.ReLU(), Inputs.of(torch.zeros(64)))


@functools.cache
def _compiled() -> Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Any]:
    # Imported here: it takes seconds.
    import torch._dynamo.config as limits
    import torch._inductor.config as inductor

    limits.recompile_limit = max(limits.recompile_limit, _MOST_COMPILATIONS)
    # No helpers of its own: a worker that is forked later can wait for them for ever.
    inductor.compile_threads = 1
    return torch.compile(_call)


def _call(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return module(*args, **kwargs)


def _refusal(err: Exception) -> InputError:
    first = next(iter(str(err).strip().splitlines()), type(err).__name__)
    return InputError(
        "forward 'native-compiled' must have a C++ compiler that torch can use, got "
        f"{os.environ.get('CXX', 'g++')!r} ({first}); install one, or use --forward native"
    )
