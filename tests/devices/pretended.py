"""A CUDA device that is pretended: tensors say that they lie on it, and are computed on the CPU.

Where a real one would refuse an operation, because its tensors lie on two devices, so does this.
Unlike torch's FakeTensor mode it has values, so what reads one (`item`, a branch) runs, and results
can be compared with the CPU's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("cuda", 0)
_aten = torch.ops.aten
_MOVES = {_aten._to_copy.default, _aten.copy_.default}
# Indices and masks of a tensor on CUDA may lie on the CPU.
_INDEXED = {_aten.index.Tensor, _aten.index_put_.default, _aten._index_put_impl_.default}


class Pretended(Tensor):
    """A tensor that lies on the pretended device; `inner` has its values."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Pretended":
        made = Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            layout=inner.layout,
            # Autograd asks the driver about devices that have one, and this has none to ask.
            device="meta",
        )
        made.inner = inner
        return made  # type: ignore[no-any-return]

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Pretended({self.inner!r})"

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where it says that it lies."""
        return DEVICE

    @property
    def is_meta(self) -> bool:  # type: ignore[override]
        """It has values."""
        return False

    @property
    def data(self) -> "Pretended":
        """The values without their history; set, it lies elsewhere."""
        return Pretended(self.inner.detach())

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Pretended):
            raise WrongDeviceError(f"data on cuda set to a tensor on cpu of {tuple(other.shape)}")
        self.inner = other.inner

    def untyped_storage(self) -> torch.UntypedStorage:
        """That of its values: it has an address."""
        return self.inner.untyped_storage()

    def data_ptr(self) -> int:
        """The address of its values."""
        return self.inner.data_ptr()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Pretended":
        made = Pretended(self.inner.clone()).requires_grad_(self.requires_grad)
        # As `Parameter` knows its own.
        made._is_param = getattr(self, "_is_param", False)  # type: ignore[attr-defined]
        memo[id(self)] = made
        return made

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return _computed(func, args, kwargs or {})


class WrongDeviceError(RuntimeError):
    """An operation of tensors that lie on two devices."""


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    given = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, Tensor)]
    there = [one for one in given if isinstance(one, Pretended)]
    # A number may lie anywhere.
    here = [one for one in given if not isinstance(one, Pretended) and one.dim()]
    if there and here and func not in _MOVES | _INDEXED:
        sizes = [tuple(one.shape) for one in given]
        raise WrongDeviceError(f"{func} of tensors on cuda and cpu, of sizes {sizes}")
    where = kwargs.get("device")
    on_cuda = bool(there) if where is None else torch.device(where).type == "cuda"
    if func is _aten.copy_.default:
        on_cuda = isinstance(args[0], Pretended)
    if where is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    known = {id(one.inner): one for one in there}
    plain_args, plain = tree_map_only(Pretended, lambda one: one.inner, (args, kwargs))
    found = func(*plain_args, **plain)
    if not on_cuda:
        return found
    return tree_map_only(Tensor, lambda one: _outer(one, known), found)


def _outer(inner: Tensor, known: dict[int, Pretended]) -> Pretended:
    """Of what was changed in its place the tensor that was given, else a new one."""
    return known[id(inner)] if id(inner) in known else Pretended(inner)


class _Generator(torch.Generator):
    def __new__(cls, device: object = "cpu") -> "_Generator":
        return super().__new__(cls)


@contextmanager
def pretended_cuda() -> Iterator[None]:
    """Within it tensors can be made on `cuda` and moved there."""
    # As FakeTensor mode does: nothing asks a driver which device is the present one.
    torch._C._ensureCUDADeviceGuardSet()
    lifts = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    overwrites = torch.__future__.get_overwrite_module_params_on_conversion()
    # A parameter cannot become one on another device in its place here.
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    with (
        mock.patch("torch.cuda._lazy_init"),
        mock.patch("torch.cuda.is_available", return_value=True),
        mock.patch("torch.cuda.is_bf16_supported", return_value=True),
        mock.patch("torch.Generator", _Generator),
        # Its tensors count their versions, which those of inference mode cannot.
        mock.patch("torch.inference_mode", lambda mode=True: torch.set_grad_enabled(not mode)),
        _Mode(),
    ):
        try:
            yield
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(overwrites)
            torch._C._set_only_lift_cpu_tensors(lifts)
