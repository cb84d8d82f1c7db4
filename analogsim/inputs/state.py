"""Put named tensors into a network, or say in words why they do not fit it."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.inputs.spec import few

PREFIXES = ("module.", "_orig_mod.", "model.")


def load_state_(module: nn.Module, weights: Mapping[str, Tensor], *, where: str) -> nn.Module:
    """Copy weights into a network, cast to its dtypes; nothing is copied unless all fit.

    The prefixes of wrappers (`module.`, `model.`, `_orig_mod.`) are taken off. Buffers that
    are not learned (`num_batches_tracked`, integer tables) may be missing.

    Args:
        module: the network; it is changed and returned.
        weights: tensors by parameter name.
        where: how an error names the source, for example `weights file net.pt`.

    Raises:
        InputError: names, shapes or dtypes do not fit, or a value is NaN or infinite.
    """
    expected = {
        key: tensor for key, tensor in module.state_dict().items() if isinstance(tensor, Tensor)
    }
    given = _without_prefixes(weights, expected)
    missing = [key for key in expected if key not in given and not _harmless(key, expected[key])]
    unexpected = [key for key in given if key not in expected and not _is_counter(key)]
    common = [key for key in expected if key in given]
    mis_shaped = [key for key in common if expected[key].shape != given[key].shape]
    if not missing and not unexpected:
        _refuse_class_count(module, expected, given, mis_shaped, where)
    if missing or unexpected or mis_shaped:
        raise InputError(
            f"{where} must fit the model, got "
            + "; ".join(_mismatch(expected, given, missing, unexpected, mis_shaped))
            + "; choose the model that these weights were trained in"
        )
    mis_typed = [
        f"{key} ({given[key].dtype})"
        for key in common
        if expected[key].is_floating_point() and not given[key].is_floating_point()
    ]
    if mis_typed:
        raise InputError(
            f"{where} tensors must be floating point, got {few(mis_typed)}"
            "; save the weights before quantisation"
        )
    cast = {key: given[key].to(expected[key].dtype) for key in common}
    refuse_non_finite(cast, where=where)
    module.load_state_dict(cast, strict=False)
    return module


def refuse_non_finite(tensors: Mapping[str, Tensor], *, where: str) -> None:
    """Raise InputError where a tensor holds NaN or infinity, naming the tensors."""
    bad = [
        f"{key} ({int((~torch.isfinite(tensor)).sum())} of {tensor.numel()} values)"
        for key, tensor in tensors.items()
        if not bool(torch.isfinite(tensor).all())
    ]
    if bad:
        raise InputError(
            f"{where} values must be finite, got NaN or infinity in {few(bad)}"
            "; use weights from before the training broke down"
        )


def _without_prefixes(
    weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    given = dict(weights)
    stripped = True
    while stripped and given:
        stripped = False
        for prefix in PREFIXES:
            bare = {key.removeprefix(prefix): tensor for key, tensor in given.items()}
            # A network may have a part that is called `model` itself.
            fits_better = len(bare.keys() & expected) >= len(given.keys() & expected)
            if all(key.startswith(prefix) for key in given) and fits_better:
                given, stripped = bare, True
    return given


def _is_counter(key: str) -> bool:
    # Counts training batches; evaluation does not use it, and old checkpoints lack it.
    return key.rpartition(".")[2] == "num_batches_tracked"


def _harmless(key: str, tensor: Tensor) -> bool:
    # A constructor makes integer buffers (indices, masks); training does not change them.
    return _is_counter(key) or not tensor.is_floating_point()


def _refuse_class_count(
    module: nn.Module,
    expected: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    mis_shaped: list[str],
    where: str,
) -> None:
    last = [name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)][-1:]
    if (
        not last
        or not mis_shaped
        or not set(mis_shaped) <= {f"{last[0]}.weight", f"{last[0]}.bias"}
    ):
        return
    weight = f"{last[0]}.weight"
    wanted, got = expected[weight].shape, given[weight].shape
    if len(got) == 2 and wanted[1] == got[1]:
        raise InputError(
            f"{where} class count must be the model's {wanted[0]}, got {got[0]} (the shape of "
            f"{weight}); ask for a model with {got[0]} classes (zoo:NAME?classes={got[0]})"
        )


def _mismatch(
    expected: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    missing: list[str],
    unexpected: list[str],
    mis_shaped: list[str],
) -> list[str]:
    parts = []
    if missing:
        parts.append(f"{len(missing)} missing ({few(missing)})")
    if unexpected:
        parts.append(f"{len(unexpected)} unexpected ({few(unexpected)})")
    if mis_shaped:
        shapes = [
            f"{key} {tuple(given[key].shape)} instead of {tuple(expected[key].shape)}"
            for key in mis_shaped
        ]
        parts.append(f"{len(mis_shaped)} mis-shaped ({few(shapes)})")
    return parts
