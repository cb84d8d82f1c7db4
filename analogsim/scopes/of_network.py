"""What a result says of its network and its run, whatever was done to the network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analogsim.experiment.header import RunHeader


@dataclass(frozen=True, kw_only=True)
class OfNetwork:
    """The head of one network's result.

    Attributes:
        clean_correct: images that the digital network gets right; of another measure the sum of
            its values.
        digest, weights: of the run's spec and of the network's weights.
        notes: sentences of the run.
        digital_correct: which images the digital network gets right, or its values, packed as in
            `deal.py`; None in results of before they were kept.
    """

    question: str
    command: str
    model: str
    data: str
    created: str
    n_images: int
    clean_correct: float
    digest: str
    weights: str
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    digital_correct: str | None = None

    @property
    def clean(self) -> float:
        """Accuracy of the digital network, a fraction; of another measure its mean."""
        return self.clean_correct / self.n_images


def of_network(header: RunHeader, notes: Sequence[str]) -> dict[str, Any]:
    """The fields of `OfNetwork` for a run."""
    digital = header.digital
    right = digital["n_correct"]
    return {
        "question": header.question,
        "command": header.command,
        "model": header.model,
        "data": header.data,
        "created": header.created,
        "n_images": digital["n_images"],
        "clean_correct": digital["accuracy"] * digital["n_images"] if right is None else right,
        "digest": header.spec_digest,
        "weights": header.spec["weights_sha256"],
        "versions": header.versions,
        "notes": tuple(notes),
        "digital_correct": header.digital_correct,
    }
