"""What this machine's processor computes in hardware."""

import functools

import torch


@functools.cache
def has_bfloat16() -> bool:
    """Whether products of bfloat16 are instructions of the processor (AVX-512 BF16 or AMX).

    Where they are not, torch emulates them: several times slower than float32. Of processors other
    than x86 nothing is known here, and they count as without.
    """
    # Where a torch does not have it yet, the same is there under a private name.
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is None:
        return bool(torch.cpu._is_avx512_bf16_supported())
    found = capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


@functools.cache
def packs_bfloat16() -> bool:
    """Whether oneDNN packs convolutions of bfloat16: it refuses to on older processors."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
