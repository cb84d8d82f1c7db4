"""Whole trials as one CUDA graph: noise and forward pass without a launch of their own each.

A forward pass of ResNet44 is about 200 launches; replayed as a graph it is one. The trial's
number lies in a device tensor that the noise kernel reads, so that each replay draws anew.
"""

import torch
from torch import Tensor, nn

from analogsim.errors import InputError
from analogsim.gaussian.lazy import import_launch
from analogsim.gaussian.noise import Noise

_WARM_UPS = 3
"""Passes before the capture: Triton compiles and cuDNN chooses its algorithms in them."""


class TrialGraph:
    """Noisy weights and forward pass of one batch, captured once and replayed for each trial.

    The network must not be moved and its own tensors not be replaced while the graph is in use.
    Its weights are noisy after a run; `noise.flat.restore_()` takes the clean ones back.

    Args:
        noise: the noise of a network on a CUDA device, in eval mode.
        images: a batch on the same device; later batches must have its shape.

    Raises:
        InputError: the network is not on a CUDA device, or in train mode.
    """

    def __init__(self, noise: Noise, images: Tensor) -> None:
        module, live = noise.flat.module, noise.flat.live
        if live.device.type != "cuda" or images.device != live.device:
            raise InputError(
                f"trial graph network and images must be on one CUDA device, got {live.device} "
                f"and {images.device}; move both, or use Noise.apply_ on a CPU"
            )
        if module.training:
            raise InputError(
                f"trial graph network must be in eval mode, got {type(module).__name__} in train "
                "mode; call .eval() first"
            )
        noise.flat.check_attached()
        self.noise = noise
        self._module: nn.Module = module
        self._images = images.clone(memory_format=torch.preserve_format)
        self._trial = torch.zeros(1, dtype=torch.int32, device=live.device)
        self._tables, self._key = noise.tables(), noise.key()
        self._write = import_launch().write_copies_
        self._graph = torch.cuda.CUDAGraph()
        side = torch.cuda.Stream(live.device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(live.device))
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._once()
        torch.cuda.current_stream(live.device).wait_stream(side)
        with torch.cuda.graph(self._graph):
            self._outputs = self._once()
        noise.flat.restore_()

    def run(self, trial: int, images: Tensor | None = None) -> Tensor:
        """The outputs of a trial for `images`, or for the batch of the last run.

        The returned tensor is overwritten by the next run: clone what must stay.
        """
        if images is not None:
            self._images.copy_(images)
        # The word's bits as a signed number.
        self._trial.fill_(trial - (1 << 32) if trial >= 1 << 31 else trial)
        self._graph.replay()
        return self._outputs

    @torch.no_grad()
    def _once(self) -> Tensor:
        flat = self.noise.flat
        self._write(flat.live, flat, self._tables, self._key, self._trial)
        outputs: Tensor = self._module(self._images)
        return outputs
