"""Hooks on layers, on networks, on all modules."""

import types

import pytest
from torch import nn

from tests.strangers.judge import faults
from tests.strangers.parts import X, Z, two, with_hook
from tests.strangers.situation import Situation


def hooked(register, **more):
    """Two layers, after `register`."""
    return Situation(with_hook(register), X, (Z,), **more)


def kept_features():
    made = two()
    made.features = {}
    made[0].register_forward_hook(lambda m, args, out: made.features.update(first=out))
    made.forward = types.MethodType(
        lambda self, x: nn.Sequential.forward(self, x) + self.features["first"].mean(), made
    )
    return made


def features_in_a_global():
    made, kept = two(), []
    made[0].register_forward_hook(lambda m, args, out: kept.append(out.sum()))
    return made


def hook_with_name():
    made = two()
    for name, part in made.named_modules():
        part.my_name = name
    made[2].register_forward_hook(lambda m, args, out: out * (1 + int(m.my_name)))
    return made


def hook_that_goes():
    made = two()
    handles = []

    def once(m, args, out):
        handles.pop().remove()
        return out * 1

    handles.append(made[0].register_forward_hook(once))
    return made


def halved_weight_before(m, args):
    m.weight.data.div_(m.weight.data.norm())


SITUATIONS = {
    # Hooks.
    "a hook that doubles a layer's output": hooked(
        lambda net: net[0].register_forward_hook(lambda m, args, out: out * 2)
    ),
    "a hook that changes a layer's input": hooked(
        lambda net: net[2].register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    ),
    "a hook with names of arguments": hooked(
        lambda net: net[2].register_forward_pre_hook(
            lambda m, args, kwargs: ((args[0] + 1,), kwargs), with_kwargs=True
        )
    ),
    "a hook that always runs": hooked(
        lambda net: net[2].register_forward_hook(lambda m, args, out: out - 1, always_call=True)
    ),
    "a hook on the network": hooked(
        lambda net: net.register_forward_hook(lambda m, args, out: {"logits": out})
    ),
    "a hook before the network": hooked(
        lambda net: net.register_forward_pre_hook(lambda m, args: (args[0] * 3,))
    ),
    "a hook that knows the layer's name": Situation(hook_with_name, X, (Z,)),
    "a hook on gradients": hooked(
        lambda net: net[0].register_full_backward_hook(lambda m, gin, gout: None)
    ),
    "features kept by a hook in the first network": Situation(
        kept_features, X, (Z,), may_refuse=True
    ),
    "features kept by a hook outside": Situation(features_in_a_global, X, (Z,)),
    "a hook that removes itself": Situation(hook_that_goes, X, (Z,), may_refuse=True, changes=True),
    "a hook that writes the weight": hooked(
        lambda net: net[0].register_forward_pre_hook(halved_weight_before), may_refuse=True
    ),
    "a hook on the state dictionary": hooked(
        lambda net: net._register_state_dict_hook(lambda m, state, prefix, meta: state)
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_hooks_run(name: str) -> None:
    assert faults(SITUATIONS[name], "native") == []


def test_a_hook_for_all_modules_runs_on_layers_on_tiles() -> None:
    def double(module, args, out):
        return out * 2 if isinstance(module, nn.Linear) else out

    handle = nn.modules.module.register_module_forward_hook(double)
    try:
        assert faults(Situation(two, X, (Z,)), "native") == []
    finally:
        handle.remove()
