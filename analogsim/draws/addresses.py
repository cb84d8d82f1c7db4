"""Every random draw has an address; nothing else decides its value.

An address is (root seed, purpose, layer, tile, chip, time). Its digest seeds torch's generators
for the length of one block, and the caller's generators are put back afterwards. Asking for
another time, chip, layer or device therefore moves no other draw.

torch's CPU generator takes the low 32 bits of a seed (torch 2.10 to 2.15): of n addresses about
n^2 / 2^33 pairs draw the same. Keys of the reproducible stream have all bits.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*address: str | int | float) -> int:
    """The seed of an address, 63 bits: blake2b over the parts, each with its type and length."""
    digest = hashlib.blake2b(digest_size=8)
    for part in address:
        # -0.0 is the time 0.
        text = (part + 0.0).hex() if isinstance(part, float) else str(part)
        digest.update(f"{type(part).__name__}:{len(text)}:{text};".encode())
    return int.from_bytes(digest.digest(), "big") >> 1


def generator_at(*address: str | int | float) -> torch.Generator:
    """A CPU generator that gives what torch's global one would give in `seeded(*address)`."""
    return torch.Generator().manual_seed(seed_of(*address))


@contextmanager
def seeded(*address: str | int | float) -> Iterator[None]:
    """Draws inside the block depend on `address` alone; torch's generators are restored."""
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    devices = list(range(torch.cuda.device_count())) if started else []
    with torch.random.fork_rng(devices=devices):
        # torch.manual_seed would take a stack trace for each kind of device that is not there.
        seed = seed_of(*address)
        torch.default_generator.manual_seed(seed)
        if started:
            torch.cuda.manual_seed_all(seed)
        yield
