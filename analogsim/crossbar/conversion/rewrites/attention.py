"""`nn.MultiheadAttention` with its four projections as linear layers.

torch's own reads the weights of all projections itself. The attention between them (products of
two activations, masks, softmax) stays what it was: A. Vaswani et al., arXiv 1706.03762, section
3.2, with torch's additions.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analogsim.crossbar.conversion.rewrites.linear import linear_of

_PACKED = ("in_proj_weight", "in_proj_bias")
_SINGLE = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
_PROJECTIONS = ("q_proj", "k_proj", "v_proj")


class ProjectedAttention(nn.MultiheadAttention):
    """An attention whose `q_proj`, `k_proj`, `v_proj` and `out_proj` are layers that it calls."""

    def __getattr__(self, name: str) -> Any:
        """The weights by torch's names, for those who ask."""
        if name not in (*_PACKED, *_SINGLE):
            return super().__getattr__(name)
        layers = [self.get_submodule(one) for one in _PROJECTIONS]
        if name in _SINGLE:
            return None if self._qkv_same_embed_dim else layers[_SINGLE.index(name)].weight
        if name == "in_proj_weight":
            weights = [layer.weight for layer in layers if isinstance(layer.weight, Tensor)]
            return torch.cat(weights) if self._qkv_same_embed_dim else None
        biases = [layer.bias for layer in layers if isinstance(layer.bias, Tensor)]
        return torch.cat(biases) if biases else None

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As `nn.MultiheadAttention`."""
        batched = query.dim() == 3
        turned = batched and not self.batch_first
        if is_causal and attn_mask is None:
            raise RuntimeError("is_causal needs attn_mask")

        def inwards(x: Tensor) -> Tensor:
            """(batch, length, features), however the user has them."""
            return x.transpose(0, 1) if turned else x if batched else x[None]

        q = inwards(self.q_proj(query))
        k, v = inwards(self.k_proj(key)), inwards(self.v_proj(value))
        batch = len(q)
        # torch takes the hint for the mask itself where no other one is to be added.
        hinted = is_causal and key_padding_mask is None and not need_weights
        if self.bias_k is not None and self.bias_v is not None:
            k = torch.cat([k, self.bias_k.expand(batch, -1, -1)], 1)
            v = torch.cat([v, self.bias_v.expand(batch, -1, -1)], 1)
        q, k, v = (
            x.reshape(batch, -1, self.num_heads, self.head_dim).transpose(1, 2) for x in (q, k, v)
        )
        if self.add_zero_attn:
            k, v = (torch.cat([x, x.new_zeros(*x.shape[:2], 1, x.shape[3])], 2) for x in (k, v))
        mask = None if hinted else self._mask(attn_mask, key_padding_mask, q, k.shape[2])
        dropout = self.dropout if self.training else 0.0
        shares: Tensor | None = None
        if need_weights:
            scores = (q * math.sqrt(1.0 / self.head_dim)) @ k.transpose(-2, -1)
            shares = torch.softmax(scores if mask is None else scores + mask, -1)
            shares = F.dropout(shares, dropout) if dropout else shares
            mixed = shares @ v
            shares = shares.mean(1) if average_attn_weights else shares
            shares = shares if batched else shares[0]
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, mask, dropout, hinted)
        mixed = mixed.transpose(1, 2).flatten(2)
        mixed = mixed.transpose(0, 1).contiguous() if turned else mixed if batched else mixed[0]
        return self.out_proj(mixed), shares

    def _mask(
        self, attn: Tensor | None, padding: Tensor | None, q: Tensor, n_keys: int
    ) -> Tensor | None:
        """What is added to the scores, of a shape that broadcasts to theirs; keys of its own 0."""
        parts = []
        if attn is not None:
            of_all = (
                attn[None, None] if attn.dim() == 2 else attn.view(*q.shape[:2], *attn.shape[1:])
            )
            parts.append(of_all)
        if padding is not None:
            parts.append(
                padding[:, None, None] if padding.dim() == 2 else padding[None, None, None]
            )
        added = [F.pad(_added(one, q.dtype), (0, n_keys - one.shape[-1])) for one in parts]
        return sum(added[1:], start=added[0]) if added else None


def _added(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask of numbers: True is what nobody may look at."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(mask, -math.inf)


def project_attention_(module: nn.Module) -> nn.Module:
    """Make an `nn.MultiheadAttention` one that calls its projections; its class changes."""
    assert isinstance(module, nn.MultiheadAttention)
    if module._qkv_same_embed_dim:
        assert module.in_proj_weight is not None
        weights = module.in_proj_weight.chunk(3)
    else:
        weights = tuple(getattr(module, name) for name in _SINGLE)
    packed = module.in_proj_bias
    biases = (None, None, None) if packed is None else packed.chunk(3)
    # A layer of its own, too: hooks on torch's are never run.
    last = linear_of(module.out_proj.weight, module.out_proj.bias)
    for name in (*_PACKED, *_SINGLE):
        module._parameters.pop(name, None)
    del module._modules["out_proj"]
    for name, weight, bias in zip(_PROJECTIONS, weights, biases, strict=True):
        module.add_module(name, linear_of(weight, bias))
    module.add_module("out_proj", last)
    module.__class__ = ProjectedAttention
    return module
