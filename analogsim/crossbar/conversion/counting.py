"""A forward pass in which every multiply-add is counted, and who computes it.

torch's own formulas count the products of every operator. A tensor that depends on the network's
input is followed through the pass: a product of two such tensors (attention scores) has no fixed
weights that could lie on a tile; every other product has.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from analogsim.call import Inputs, tensors_in
from analogsim.crossbar.forward.packed import transformed
from analogsim.crossbar.mapping.bypassed import BYPASSED
from analogsim.crossbar.mapping.coverage import Coverage, DigitalProducts
from analogsim.crossbar.mapping.layer import CrossbarLayer, crossbar_layers
from analogsim.crossbar.mapping.plan import WHOLE_MODEL

_BY_ACTIVATIONS = "products of two activations (attention scores)"
_UNKNOWN = (
    "weights that are no registered parameters (a layer in a plain list or closure, a quantised "
    "one?); register it, for example in nn.ModuleList"
)
_COMPUTED = (
    "weights that the forward pass computes; make them a parameter of nn.Linear or nn.Conv2d"
)


@dataclass(kw_only=True)
class Count:
    """What a counted pass has seen."""

    analog: Counter[str] = field(default_factory=Counter)
    digital: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(module, `dynamic`, `weight`, `computed` or `unknown`) -> multiply-adds."""
    read: set[str] = field(default_factory=set)
    """Modules whose parameters some operator has taken."""
    unknown: list[Tensor] = field(default_factory=list)
    """Factors that are no parameters."""
    transformed: bool = False
    """Whether a layer on tiles was called within a transform of torch.func."""
    elsewhere: Mapping[int, str] = field(default_factory=dict)
    """Memory of other networks' parameters that the pass may use -> names of the same modules."""
    uncounted: set[str] = field(default_factory=set)
    """Operators that compute products of which nobody knows how many."""

    def reset_(self) -> "Count":
        """Begin anew."""
        self.__dict__.update(Count(elsewhere=self.elsewhere).__dict__)
        return self

    def bypassed(self, name: str, weight: Tensor) -> bool:
        """Whether a layer was not called, and its weight was taken past it."""
        if self.analog[name]:
            return False
        same = (
            torch.equal(one, weight) or (one.dim() == 2 and torch.equal(one.t(), weight))
            for one in self.unknown
            if one.numel() == weight.numel()
        )
        return ("" if name == WHOLE_MODEL else name) in self.read or any(same)

    def coverage(
        self, layers: Mapping[str, Tensor], why: Mapping[str, str], rows: int = 1
    ) -> Coverage:
        """The coverage, with `why` a module's parameters are digital where that is known.

        Args:
            layers: weights of the layers on tiles by name, in the order of the network.
            why: by module name.
            rows: inputs of the pass.
        """
        digital = [
            DigitalProducts(
                name=name or WHOLE_MODEL,
                macs=macs,
                dynamic=kind == "dynamic",
                why=_reason(name or WHOLE_MODEL, kind, frozenset(layers), why),
                registered=kind != "unknown",
            )
            for (name, kind), macs in self.digital.items()
        ]
        return Coverage(
            analog={name: self.analog[name] for name in layers if self.analog[name]},
            digital=tuple(sorted(digital, key=lambda one: -one.macs)),
            bypassed=tuple(name for name, weight in layers.items() if self.bypassed(name, weight)),
            uncounted=tuple(sorted(self.uncounted)),
            rows=rows,
        )


def _reason(name: str, kind: str, layers: frozenset[str], why: Mapping[str, str]) -> str:
    if kind == "dynamic":
        return _BY_ACTIVATIONS
    if name in layers:
        return BYPASSED
    holders = (
        name[:end] for end in range(len(name), 0, -1) if end == len(name) or name[end] == "."
    )
    known = next((why[holder] for holder in holders if holder in why), None)
    return known or {"computed": _COMPUTED}.get(kind, _UNKNOWN)


@contextmanager
def counting(module: nn.Module, inputs: Inputs, count: Count) -> Iterator[None]:
    """Count the products of `inputs.call(module)` in the block; its tensors are not changed."""
    where: list[str] = [""]
    mode = _Products(count, where, storages(module), inputs)
    handles = []
    for name, m in module.named_modules():

        def enter(_m: nn.Module, _args: object, name: str = name) -> None:
            where.append(name)

        def leave(_m: nn.Module, _args: object, _output: object) -> None:
            where.pop()

        handles += [
            m.register_forward_pre_hook(enter),
            m.register_forward_hook(leave, always_call=True),
        ]

    def observe(layer: CrossbarLayer, x: Tensor, forward: Callable[[Tensor], Tensor]) -> Tensor:
        count.transformed |= transformed()
        with mode.within():
            y = forward(x)
        count.analog[layer.name] += y.numel() * layer.geometry.products
        return y

    layers = crossbar_layers(module).values()
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        for layer in layers:
            layer.observer = observe
        # It would hide its products.
        torch.backends.mha.set_fastpath_enabled(False)
        with mode:
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for layer in layers:
            layer.observer = None
        for handle in handles:
            handle.remove()


def storages(module: nn.Module) -> dict[int, str]:
    """Memory of each parameter and buffer -> name of its module."""
    found: dict[int, str] = {}
    for name, m in module.named_modules():
        for value in (*m._parameters.values(), *m._buffers.values()):
            if value is not None and value.layout == torch.strided and value.numel():
                found.setdefault(value.untyped_storage().data_ptr(), name)
    return found


class _Products(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Sees every operator, follows what depends on the input, and counts products."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled in here; to skip a compiler torch would import it, for two seconds.
        return False

    def __init__(
        self, count: Count, where: list[str], storages: Mapping[int, str], inputs: Inputs
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count, self.where, self.storages = count, where, storages
        self._followed = WeakIdKeyDictionary()
        self._made = WeakIdKeyDictionary()
        self._inside = 0
        for tensor in inputs.tensors():
            self._followed[tensor] = True

    @contextmanager
    def within(self) -> Iterator[None]:
        """Within a layer on tiles products are counted by the layer."""
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        given = list(tensors_in((args, kwargs)))
        for seen, meets in (
            (self._followed, self._followed.__contains__),
            (self._made, self._is_made),
        ):
            if any(meets(t) for t in given):
                for tensor in tensors_in(output):
                    seen[tensor] = True
        if not self._inside:
            self.count.read.update(name for name in map(self._holder, given) if name is not None)
            macs = _macs(func, args, kwargs, output)
            if macs:
                self.count.digital[self._owner(_factors(func, given))] += macs
            elif macs is None:
                self.count.uncounted.add(func._schema.name)
        return output

    def _is_made(self, t: Tensor) -> bool:
        """Whether it is a parameter or buffer of the network, or made of some."""
        return t in self._made or self._holder(t) is not None

    def _holder(self, t: Tensor) -> str | None:
        if t.layout != torch.strided or t.is_quantized:
            return None
        memory = _memory(t)
        return self.storages.get(memory, self.count.elsewhere.get(memory))

    def _owner(self, factors: Sequence[Tensor]) -> tuple[str, str]:
        fixed = [t for t in factors if t not in self._followed]
        if not fixed and len(factors) > 1:
            return self.where[-1], "dynamic"
        for tensor in fixed:
            name = self._holder(tensor)
            if name is not None:
                own = _memory(tensor) in self.storages
                return name, "weight" if own else "unknown"
        if any(map(self._is_made, fixed)):
            return self.where[-1], "computed"
        self.count.unknown += fixed
        return self.where[-1], "unknown"


def _memory(t: Tensor) -> int:
    """Where its values lie; 0 within a transform, whose tensors have no memory of their own."""
    try:
        return t.untyped_storage().data_ptr()
    except RuntimeError:
        return 0


def _factors(func: Any, given: list[Tensor]) -> list[Tensor]:
    """The tensors that are multiplied: not what is added to their product."""
    name = func._schema.name.partition("::")[2]
    if name.startswith(("addm", "baddbmm")):
        return given[1:3]
    return given[:2] if "attention" not in name else given[:3]


def _macs(func: Any, args: Any, kwargs: dict[str, Any], output: Any) -> int | None:
    """Multiply-adds of an operator; None where it has some and nobody knows how many."""
    name = func._schema.name
    product = _PRODUCT.search(name)
    # torch's table takes 0.1 s; what others have added to it is there once they have imported it.
    if product or "torch.utils.flop_counter" in sys.modules:
        from torch.utils.flop_counter import flop_registry

        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            return int(formula(*args, **kwargs, out_val=output)) // 2
    if name in _RULES:
        return _RULES[name](args, output)
    return None if product else 0


def _by_weight(args: Any, output: Any) -> int:
    """Quantised convolutions and linear layers: outputs times what each of them sums up."""
    weight = args[1].unpack()[0] if hasattr(args[1], "unpack") else args[1].weight()
    y: Tensor = next(tensors_in(output))
    per_output = weight.numel() // weight.shape[0]
    return y.numel() * int(per_output)


def _attention(args: Any, output: Any) -> int:
    """Queries (..., n, k), keys (..., m, k) and values (..., m, v)."""
    q, k, v = args[:3]
    return int(q.numel() * k.shape[-2] + q.numel() // q.shape[-1] * k.shape[-2] * v.shape[-1])


def _bilinear(args: Any, output: Any) -> int:
    """Of x (n, a) and y (n, b) with weights (outputs, a, b): x by these, then what is left by y."""
    (rows, a), n_weights = args[0].shape, args[1].numel()
    return int(rows * (n_weights + n_weights // a))


def _recurrent(args: Any, output: Any) -> int:
    """Inputs (steps, batch, inputs) by both weight matrices of a recurrent layer."""
    steps, batch = args[0].shape[:2]
    return int(steps * batch * (args[1].numel() + args[2].numel()))


_PRODUCT = re.compile(
    r"mm(_|$)|matmul|(?<!bi)(?<!tri)(?<!upsample_)linear|conv(?!ert)|rnn|lstm|gru|attention"
)

# What torch's counter does not know: qualified operator name -> multiply-adds.
_RULES: Mapping[str, Callable[[Any, Any], int]] = {
    "aten::mv": lambda args, _: int(args[0].numel()),
    "aten::addmv": lambda args, _: int(args[1].numel()),
    "aten::dot": lambda args, _: int(args[0].numel()),
    "aten::vdot": lambda args, _: int(args[0].numel()),
    "aten::_trilinear": _bilinear,
    "aten::_grouped_mm": lambda args, _: int(args[0].numel() * args[1].shape[-1]),
    "aten::mkldnn_rnn_layer": _recurrent,
    "aten::_scaled_dot_product_flash_attention_for_cpu": _attention,
    **{
        f"quantized::{kind}{ending}": _by_weight
        for kind in ("linear", "conv1d", "conv2d")
        for ending in ("", "_relu")
    },
    "quantized::linear_dynamic": _by_weight,
    "quantized::linear_relu_dynamic": _by_weight,
}
