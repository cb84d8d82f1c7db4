"""What hardening gains: a table for each device, periphery and time that it is judged at."""

from collections.abc import Iterator
from dataclasses import dataclass

from table_parts import DEVICES, OVER, cell, network_cells, read, table

from analogsim.report.labels import format_duration
from analogsim.suites.entry import Entry
from analogsim.suites.gains import gains
from analogsim.suites.kept import Kept

PCM, GAUSSIAN, MATCHED = "PCM's own law", "3 % Gaussian noise", "matched Gaussian noise"
BEHIND = f"{PCM}, standard periphery"
# Where a hardening is kept: the seed of the network's training, and what it was hardened against.
HARDENED = {
    "harden_resnet20_batch": (1, PCM),
    "harden_resnet20_batch_60": (1, f"{PCM}, 60 epochs"),
    "harden_resnet20_batch_scale1": (1, f"{PCM}, once the noise"),
    "harden_resnet20_batch_gaussian": (1, GAUSSIAN),
    "harden_resnet20_batch_matched": (1, MATCHED),
    "harden_resnet20_batch_s2": (2, PCM),
    "harden_resnet20_batch_s2_gaussian": (2, GAUSSIAN),
    "harden_resnet20_batch_s2_matched": (2, MATCHED),
    "harden_resnet20_none": (1, PCM),
    "harden_resnet20_none_gaussian": (1, GAUSSIAN),
    "harden_resnet20_none_matched": (1, MATCHED),
    "harden_resnet20_none_s2": (2, PCM),
    "harden_resnet20_none_s2_gaussian": (2, GAUSSIAN),
    "harden_resnet20_none_s2_matched": (2, MATCHED),
    "harden_resnet20_batch_standard": (1, BEHIND),
    "harden_resnet32_batch": (0, f"{PCM}, 6 epochs"),
    "harden_resnet44_batch": (1, f"{PCM}, 6 epochs"),
    "harden_resnet44_none": (1, f"{PCM}, 6 epochs"),
}
# Suites that judge what was hardened before; their labels are NORM-sSEED-LAW.
JUDGED = ("hardened_standard", "hardened_rram", "hardened_rram_standard")
LAWS = {"device": PCM, "gaussian3": GAUSSIAN, "matched": MATCHED, "standard": BEHIND}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the rows of one table share."""

    preset: str
    periphery: str
    images: int
    chips: int
    times: tuple[float, ...]

    def said(self) -> str:
        """Before its table."""
        return (
            f"{DEVICES[self.preset]}, {self.periphery} periphery, global compensation, "
            f"{self.images:,} images, {self.chips} chips:"
        )


def hardening() -> str:
    """Networks as they were and as they are, over time, and what hardening gained."""
    tables: dict[Setting, dict[tuple[str, ...], list[str]]] = {}
    for name in (*HARDENED, *JUDGED):
        for setting, key, row in _rows(read(name), name):
            tables.setdefault(setting, {})[key] = row
    said = OVER.format(of="chips (pairs of chips)")
    parts = [
        "",
        "Accuracy in % on the first test images; the last column is the difference from the "
        "network as it was with BatchNorm as trained, chip by chip, in points. "
        f"{said}. One hardening each.",
        "",
    ]
    for setting, rows in tables.items():
        times = [format_duration(t_s) for t_s in setting.times]
        head = ["network", "BatchNorm", "trained against", "digital", *times]
        head.append(f"gained at {times[-1]}")
        lines = table(head, [[*key, *row] for key, row in rows.items()])
        parts += [setting.said(), "", *lines, ""]
    return "\n".join([*parts, ""])


def _rows(kept: Kept, name: str) -> Iterator[tuple[Setting, tuple[str, ...], list[str]]]:
    gained = {(gain.name, gain.bn): gain for gain in gains(kept.crossbar)}
    found = {entry.label: (entry, result) for entry, result in kept.crossbar}
    for entry, result in kept.crossbar:
        base, of_base = found[entry.against or entry.label]
        model = network_cells(base, [of_base])
        seed, law = _named(entry, name)
        times = tuple(sorted({key[3] for key in result.correct}))
        for preset, bn, compensation in dict.fromkeys(key[:3] for key in result.correct):
            cells = [result.units((preset, bn, compensation, t_s)) for t_s in times]
            setting = Setting(
                preset=preset,
                periphery=str(kept.spec["periphery"]),
                images=result.n_images,
                chips=len(result.correct[preset, bn, compensation, times[0]]),
                times=times,
            )
            gain = gained.get((entry.label, bn))
            key = (f"{model[0]}, seed {seed}", "no" if model[1] == "no" else f"yes, {bn}", law)
            yield setting, key, [
                f"{100 * result.clean:.1f}",
                *(cell(units.mean()) for units in cells),
                "" if gain is None else cell(gain.cells[-1], signed=True),
            ]  # fmt: skip


def _named(entry: Entry, name: str) -> tuple[int, str]:
    """The seed of the network's training, and what it was hardened against."""
    if name in HARDENED:
        seed, law = HARDENED[name]
        return seed, law if entry.against else "not hardened"
    _, seed_text, *rest = entry.label.split("-")
    return int(seed_text.removeprefix("s")), LAWS[rest[0]] if rest else "not hardened"
