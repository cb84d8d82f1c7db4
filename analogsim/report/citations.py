"""What a run rests on, as BibTeX: the devices' papers, aihwkit, and the paper in question."""

import re
from collections.abc import Iterable
from importlib.resources import files

from analogsim.experiment.header import RunHeader

# Whatever the run: aihwkit's laws and tiles.
_ALWAYS = ("rasch2021aihwkit", "legallo2023aihwkit")
# By the name of a preset, without its options.
_OF_PRESET = {
    "pcm": ("nandakumar2019", "joshi2020"),
    "pcm-hermes": ("khaddam-aljameh2022", "legallo2023chip", "vasilopoulos2023"),
    "rram": ("wan2022",),
    "rram-cmo": ("falcone2025", "lombardo2024"),
    "gaussian": ("fagbohungbe2022",),
}
_OF_PERIPHERY = {"standard": ("rasch2023",)}
_BATCHNORM = ("fagbohungbe2022",)
_RECALIBRATION = ("joshi2020",)


def bibtex(keys: Iterable[str]) -> str:
    """The entries of these keys, each once, in their order."""
    entries = _entries()
    return "\n\n".join(entries[key] for key in dict.fromkeys(keys)) + "\n"


def citation_keys(header: RunHeader) -> list[str]:
    """Keys of what the run used: devices, periphery, BatchNorm if the network has it, aihwkit.

    A device of the user's own has none.
    """
    names = [re.split(r"[?(]", entry["preset"])[0] for entry in header.devices]
    keys = [key for name in names for key in _OF_PRESET.get(name, ())]
    keys += _OF_PERIPHERY.get(str(header.periphery.get("name")), ())
    if any("BatchNorm" in layer["kind"] for layer in header.layers):
        keys += _BATCHNORM
    if any("recal" in str(bn) or "adabs" in str(bn) for bn in header.spec.get("bn", ())):
        keys += _RECALIBRATION
    return list(dict.fromkeys([*keys, *_ALWAYS]))


def _entries() -> dict[str, str]:
    text = (files("analogsim.report") / "citations.bib").read_text(encoding="utf-8")
    found = re.findall(r"^(@\w+\{([^,]+),\n.*?^\})", text, flags=re.MULTILINE | re.DOTALL)
    return {key: entry for entry, key in found}
