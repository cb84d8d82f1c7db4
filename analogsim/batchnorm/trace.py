"""Who feeds whom in one forward pass: the execution order that BatchNorm folding needs.

Registration order says nothing about what follows what, and symbolic tracing fails on
data-dependent control flow, so the model is run once and watched. Module hooks see which module
made a tensor; a `TorchFunctionMode` sees everything that uses it afterwards: modules, functional
calls and tensor methods.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from analogsim.call import Inputs, tensors_in
from analogsim.draws.strangers import drawn_from

# Calls that read a tensor's shape or type and none of its values. They answer in plain numbers,
# and any other call that does so (`tolist`, `item`) counts as a use.
_METADATA_READS = frozenset({"dim", "size", "numel", "stride", "is_contiguous", "__len__"})


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What one forward pass of a model did with the modules under watch.

    Tensors are known by `id`; the watched ones are kept, so that no id passes to a later tensor.
    """

    output: object
    """What the model returned."""
    n_calls: Mapping[nn.Module, int]
    inputs: Mapping[nn.Module, Tensor]
    """Watched module -> the first tensor given to its last call."""
    makers: Mapping[int, nn.Module]
    """`id` of a watched module's output -> that module."""
    uses: Mapping[int, int]
    """`id` of a watched output, parameter or buffer -> in how many places it is used."""

    def n_uses(self, tensor: Tensor) -> int:
        """In how many places the forward pass uses this tensor's values."""
        return self.uses.get(id(tensor), 0)


def trace(model: nn.Module, example: Inputs, watched: Sequence[nn.Module]) -> Trace:
    """Run `example.call(model)` without gradients and record how the `watched` modules' data flows.

    The pass keeps the outputs of all watched modules in memory. Random draws leave torch's global
    generator as it was. Raises whatever the model raises.
    """
    n_calls: Counter[nn.Module] = Counter()
    inputs: dict[nn.Module, Tensor] = {}
    makers: dict[int, nn.Module] = {}
    counter = _UseCounter()
    for module in watched:
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            counter.watch(tensor)

    def record(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: object
    ) -> None:
        n_calls[module] += 1
        for tensor in tensors_in((args, kwargs)):
            inputs[module] = tensor
            break
        if isinstance(output, Tensor):
            makers[id(output)] = module
            counter.watch(output)

    hooks = [module.register_forward_hook(record, with_kwargs=True) for module in watched]
    try:
        with torch.no_grad(), drawn_from(0), counter:
            output = example.clone().call(model)
    finally:
        for hook in hooks:
            hook.remove()
    counter.count(output)
    return Trace(output=output, n_calls=n_calls, inputs=inputs, makers=makers, uses=counter.uses)


class _UseCounter(TorchFunctionMode):
    """Counts the torch calls that take each watched tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: Counter[int] = Counter()
        self._watched: dict[int, Tensor] = {}

    def watch(self, tensor: Tensor) -> None:
        """Count this tensor's uses from now on, and keep it, so that its id stays its own."""
        self._watched[id(tensor)] = tensor

    def count(self, value: object) -> None:
        """Count one use of every watched tensor in `value`, once each."""
        self.uses.update({id(t) for t in tensors_in(value) if id(t) in self._watched})

    def __torch_function__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run `func` and count its tensor arguments, unless it only read their metadata."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        # A property read is metadata (`shape`, `dtype`) unless it gives a tensor (`T`, `data`).
        is_metadata = name in _METADATA_READS or (
            name == "__get__" and not isinstance(result, Tensor)
        )
        if not is_metadata:
            self.count((args, kwargs or {}))
        return result
