"""All noised tensors of a network in one flat buffer, which the network's modules look into.

Writing the buffer changes the whole network at once: no launch and no copy for each layer. (Torch
draws into a channels_last tensor 8 to 12 times slower than into a flat one.)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from analogsim.draws.stream import tensor_index
from analogsim.errors import InputError
from analogsim.gaussian.spec import Role, role_of

CHUNK = 64
"""Tensors start at multiples of this many elements, 256 bytes; tables have one row a chunk."""
PAD = 4096
"""The buffer's two parts are filled up to multiples of this: whole blocks, no masks."""

RoleOf = Callable[[nn.Module, str], Role | None]


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Where one tensor lies in the flat buffer.

    Attributes:
        name: its name in the network; the first one if it is tied.
        role: what it is, see `role_of`.
        tensor: its word in the stream's counter.
        offset, size: its elements in the buffer, in the order in which they lie in memory.
        shape, stride: as a tensor.
        inner, kernel: a channels_last weight lies as (out, kernel, inner) in memory while
            positions of the stream count (out, inner, kernel). Both 1 for contiguous tensors.
    """

    name: str
    role: Role
    tensor: int
    offset: int
    size: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    inner: int = 1
    kernel: int = 1

    @property
    def permuted(self) -> bool:
        """Whether memory order is not the stream's order."""
        return self.kernel > 1

    def view(self, flat: Tensor) -> Tensor:
        """This tensor's view of a buffer (n,), or its views (trials, *shape) of (trials, n)."""
        lead = flat.shape[:-1]
        return flat.as_strided(
            (*lead, *self.shape),
            (*flat.stride()[: len(lead)], *self.stride),
            flat.storage_offset() + self.offset,
        )


class FlatWeights:
    """A network's noised tensors as views of `live`, and their clean values in `clean`.

    The module's parameters and buffers keep their identity, shape and memory format. Moving the
    module to another device or type afterwards breaks the connection: flatten it again.

    Attributes:
        segments: one for each tensor, contiguous ones first.
        clean, live: float32, (n,). What lies between tensors is padding: 0 in `clean`, and
            anything in a noisy copy.
        n_plain: elements of the part that holds contiguous tensors, a multiple of `PAD`.
        left_out: names of floating-point tensors without a role: they are never noised.
    """

    def __init__(
        self, module: nn.Module, segments: tuple[Segment, ...], live: Tensor, n_plain: int
    ) -> None:
        self.module = module
        self.segments = segments
        self.live = live
        self.clean = live.clone()
        self.n_plain = n_plain
        self.left_out: tuple[str, ...] = ()
        self._held: tuple[Tensor, ...] = ()

    def restore_(self) -> "FlatWeights":
        """Put the clean values back, bit for bit."""
        self.live.copy_(self.clean)
        return self

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Name -> view of `flat`, a buffer (n,) or copies (trials, n) of any type."""
        return {segment.name: segment.view(flat) for segment in self.segments}

    def check_attached(self) -> None:
        """Raise `InputError` if a tensor of the module no longer looks into `live`."""
        for segment, tensor in zip(self.segments, self._held, strict=True):
            expected = self.live.data_ptr() + segment.offset * self.live.element_size()
            if tensor.data_ptr() != expected:
                raise InputError(
                    f"flat weights tensor {segment.name} must still be a view of the flat buffer, "
                    f"got one of its own on {tensor.device}; flatten again after moving the module"
                )


def flatten_(module: nn.Module, role: RoleOf = role_of) -> FlatWeights:
    """Make the tensors of `module` that have a role views of one flat buffer.

    Args:
        module: changed in place; its values stay the same.
        role: which tensors, and what they are.

    Raises:
        InputError: nothing to noise; a tensor that is not float32, lazy or on another device
            than the first; two names with the same word in the stream's counter.
    """
    found, left_out = _collect(module, role)
    _check(found)
    plain = {name: entry for name, entry in found.items() if not _is_permuted(entry[0])}
    permuted = {name: entry for name, entry in found.items() if name not in plain}
    segments: list[Segment] = []
    n_plain = _append(segments, plain, 0)
    n = _append(segments, permuted, n_plain)
    if n >= 1 << 31:
        raise InputError(
            f"flat weights network must have fewer than 2^31 values, got {n}; flatten its parts"
        )
    first = next(iter(found.values()))[0]
    live = torch.zeros(n, dtype=torch.float32, device=first.device)
    with torch.no_grad():
        for segment in segments:
            segment.view(live).copy_(found[segment.name][0])
    flat = FlatWeights(module, tuple(segments), live, n_plain)
    for segment in segments:
        # Through `.data` the tensor stays the same object: tied weights stay tied.
        found[segment.name][0].data = segment.view(live)
    flat._held = tuple(found[segment.name][0] for segment in segments)
    flat.left_out = tuple(left_out)
    return flat


def _own_tensors(module: nn.Module) -> Iterator[tuple[str, nn.Module, str, Tensor]]:
    for prefix, m in module.named_modules():
        for group in (m._parameters, m._buffers):
            for name, tensor in group.items():
                if tensor is not None and tensor.is_floating_point():
                    yield f"{prefix}.{name}" if prefix else name, m, name, tensor


def _collect(module: nn.Module, role: RoleOf) -> tuple[dict[str, tuple[Tensor, Role]], list[str]]:
    found: dict[str, tuple[Tensor, Role]] = {}
    left_out: dict[int, str] = {}
    seen: set[int] = set()
    for full, m, name, tensor in _own_tensors(module):
        what = role(m, name)
        if what is None:
            left_out.setdefault(id(tensor), full)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            found[full] = (tensor, what)
    return found, [full for key, full in left_out.items() if key not in seen]


def _check(found: dict[str, tuple[Tensor, Role]]) -> None:
    if not found:
        raise InputError(
            "flat weights network must have a linear layer, convolution or BatchNorm, got none"
            "; give a role function that knows its layers"
        )
    problems: list[str] = []
    words: dict[int, str] = {}
    device = next(iter(found.values()))[0].device
    for name, (tensor, _) in found.items():
        if is_lazy(tensor):
            problems.append(
                f"flat weights tensor {name} must have a shape, got a lazy one"
                "; run one image through the network first"
            )
        elif tensor.dtype != torch.float32 or tensor.device != device:
            problems.append(
                f"flat weights tensor {name} must be float32 on {device}, got {tensor.dtype} on "
                f"{tensor.device}; move or convert the module first"
            )
        other = words.setdefault(tensor_index(name), name)
        if other != name:
            problems.append(
                f"flat weights tensor {name} must have a stream of its own, got that of {other}"
                "; rename one of the two layers"
            )
    if problems:
        raise InputError("\n".join(problems))


def _is_permuted(tensor: Tensor) -> bool:
    """A channels_last weight with a kernel; all else is laid out contiguously."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return (
        not tensor.is_contiguous()
        and tensor.dim() in formats
        and tensor.is_contiguous(memory_format=formats[tensor.dim()])
    )


def _append(segments: list[Segment], entries: dict[str, tuple[Tensor, Role]], offset: int) -> int:
    for name, (tensor, role) in entries.items():
        permuted = _is_permuted(tensor)
        dense = permuted or tensor.is_contiguous()
        stride = tensor.stride() if dense else torch.empty(tensor.shape, device="meta").stride()
        segments.append(
            Segment(
                name=name,
                role=role,
                tensor=tensor_index(name),
                offset=offset,
                size=tensor.numel(),
                shape=tuple(tensor.shape),
                stride=tuple(stride),
                inner=tensor.shape[1] if permuted else 1,
                kernel=tensor[0, 0].numel() if permuted else 1,
            )
        )
        offset += -(-tensor.numel() // CHUNK) * CHUNK
    return -(-offset // PAD) * PAD
