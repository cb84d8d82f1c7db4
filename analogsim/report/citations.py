"""What a run rests on, as BibTeX: the devices' papers, aihwkit, and the paper in question.

A device's entries stand in its own file. Those of a user's device are in the header: a report never
runs the file.
"""

import re
from importlib.resources import files

from analogsim.experiment.header import DeviceEntry, RunHeader
from device_models.registry import DEVICES

# Whatever the run: aihwkit's laws and tiles.
_ALWAYS = ("rasch2021aihwkit", "legallo2023aihwkit")
_OF_PERIPHERY = {"standard": ("rasch2023",)}
_BATCHNORM = ("fagbohungbe2022",)
_RECALIBRATION = ("joshi2020",)


def bibtex(header: RunHeader) -> str:
    """The entries of what the run used, each once."""
    return "\n\n".join(cited(header).values()) + "\n"


def cited(header: RunHeader) -> dict[str, str]:
    """Key -> entry of devices, periphery, BatchNorm if the network has it, aihwkit; in order."""
    found: dict[str, str] = {}
    for device in header.devices:
        found |= entries(_of_device(device))
    known = _known()
    keys = [*_OF_PERIPHERY.get(str(header.periphery.get("name")).partition("?")[0], ())]
    if any("BatchNorm" in layer["kind"] for layer in header.layers):
        keys += _BATCHNORM
    if any("recal" in str(bn) or "adabs" in str(bn) for bn in header.spec.get("bn", ())):
        keys += _RECALIBRATION
    for key in (*keys, *_ALWAYS):
        found.setdefault(key, known[key])
    return found


def entries(text: str) -> dict[str, str]:
    """Key -> entry of a text in BibTeX; an entry begins where a line begins with `@`."""
    parts = re.split(r"^(?=@)", text, flags=re.MULTILINE)
    # A line that begins with a per cent sign is a comment.
    plain = (re.sub(r"^%.*\n?", "", part, flags=re.MULTILINE).strip() for part in parts)
    return {_key(entry): entry for entry in plain if entry.startswith("@")}


def _key(entry: str) -> str:
    found = re.match(r"@\w+\s*\{\s*([^,\s]+)", entry)
    return found[1] if found else entry


def _of_device(entry: DeviceEntry) -> str:
    built_in = DEVICES.get(re.split(r"[?(]", entry["preset"])[0])
    return entry.get("bibtex", "") if built_in is None else built_in.info.bibtex


def _known() -> dict[str, str]:
    """All entries that analogsim itself holds."""
    text = (files("analogsim.report") / "citations.bib").read_text(encoding="utf-8")
    found = entries(text)
    for device in DEVICES.values():
        found |= entries(device.info.bibtex)
    return found
