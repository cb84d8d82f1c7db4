"""A network of a suite of which a run's own document is kept."""

from dataclasses import dataclass
from typing import Generic, TypedDict, TypeVar


class Document(TypedDict):
    """What the documents of all kinds say of their run."""

    model: str
    data: str
    created: str
    spec_digest: str


D = TypeVar("D", bound=Document)


@dataclass(frozen=True, kw_only=True)
class OfDocument(Generic[D]):
    """`found` is the document, `weights` the digest of the network's weights."""

    found: D
    weights: str

    @property
    def model(self) -> str:
        """What the run calls its network."""
        return self.found["model"]

    @property
    def data(self) -> str:
        """What the run calls its images."""
        return self.found["data"]

    @property
    def created(self) -> str:
        """When the run was begun."""
        return self.found["created"]

    @property
    def digest(self) -> str:
        """Of the run's spec."""
        return self.found["spec_digest"]
