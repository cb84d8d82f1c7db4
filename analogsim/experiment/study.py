"""A study: what is asked of one network, as values, and which parts of it decide a number."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.draws.seed import MOST_SEED
from analogsim.errors import InputError
from analogsim.experiment.axes import WITHIN, Point
from analogsim.inputs.measure import TOP_1, Measure
from device_models.contract import Device
from device_models.registry import spec_of

# The largest half-width that is a question at all.
_WIDEST = 0.5
PILOT_CHIPS = 8
PILOT_IMAGES = 128
MOST_CHIPS = 1_000_000
"""A study is planned as a list of its chips, which must not fill the memory."""


@dataclass(frozen=True, kw_only=True)
class Chips:
    """The plain design: so many chips from number `first` on, each on the whole test set."""

    chips: int
    first: int = 0


@dataclass(frozen=True, kw_only=True)
class Precision:
    """The adaptive design: chips until the 95 % interval of every row is this narrow.

    Attributes:
        half_width: of the interval, as a fraction.
        cost_ratio: cost of a chip in image evaluations; None measures it in the pilot.
        pilot_chips, pilot_images: size of the pilot.
    """

    half_width: float
    cost_ratio: float | None = None
    pilot_chips: int = PILOT_CHIPS
    pilot_images: int = PILOT_IMAGES


Design = Chips | Precision


@dataclass(frozen=True, kw_only=True)
class AnyStudy:
    """What every kind asks. Names are for the records; the network and images come beside it.

    `inputs` are fingerprints of what network and images were made of, each under what it is.
    `measure` is what each trial measures.
    """

    question: str
    command: str
    model: str
    data: str
    normalisation: str
    seed: int
    batch_size: int
    device: str = "cpu"
    notes: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    measure: Measure = TOP_1


@dataclass(frozen=True, kw_only=True)
class Study(AnyStudy):
    """What is asked of chips.

    `points` are those of a sweep, all on the same axes, and `within` the difference (a fraction)
    that its answer takes as none.
    """

    devices: tuple[Device, ...]
    times_s: tuple[float, ...]
    compensations: tuple[Compensation, ...]
    design: Design
    yield_above: tuple[float, ...] = ()
    points: tuple[Point, ...] = ()
    within: float = WITHIN

    def __post_init__(self) -> None:
        problems = [
            f"{what} must be {rule}, got {got}"
            for what, rule, got, good in (*self._design_rules(), *self._rules())
            if not good
        ]
        for what, values in (
            ("presets", self.presets),
            ("times", self.times_s),
            ("compensations", self.compensations),
        ):
            if not values or len(set(values)) < len(values):
                problems.append(f"{what} must be given and differ, got {list(values)}")
        if problems:
            raise InputError(f"study: {'; '.join(problems)}; mend these")
        for device in self.devices:
            for t_s in self.times_s:
                device.check_time(t_s)

    def _rules(self) -> list[tuple[str, str, object, bool]]:
        wrong = [above for above in self.yield_above if not 0 < above <= 1]
        full = isinstance(self.design, Chips) or not self.yield_above
        share = self.measure.is_share
        said = f"of {self.measure.name} in {self.measure.unit or 'no unit'}"
        return [
            ("seed", "at least 0", self.seed, self.seed >= 0),
            ("seed", f"at most {MOST_SEED}", self.seed, self.seed <= MOST_SEED),
            ("batch size", "at least 1", self.batch_size, self.batch_size >= 1),
            ("within", f"above 0 and below {_WIDEST}", self.within, 0 < self.within < _WIDEST),
            ("yield accuracy", "above 0 and at most 1", wrong, not wrong),
            (
                "yield",
                "measured on whole test sets (a design with chips, not precision: the noise of "
                "few images would count as bad chips)",
                list(self.yield_above),
                full,
            ),
            ("yield", "of a measure in %", said, share or not self.yield_above),
            ("precision", "of a measure in %", said, share or isinstance(self.design, Chips)),
        ]

    def _design_rules(self) -> list[tuple[str, str, object, bool]]:
        design = self.design
        if isinstance(design, Chips):
            return [
                ("chips", "at least 1", design.chips, design.chips >= 1),
                ("chips", f"at most {MOST_CHIPS}", design.chips, design.chips <= MOST_CHIPS),
                ("first chip", "at least 0", design.first, design.first >= 0),
                ("first chip", f"below {MOST_CHIPS}", design.first, design.first < MOST_CHIPS),
            ]
        wide, cost = design.half_width, design.cost_ratio
        return [
            ("precision", f"above 0 and below {_WIDEST}", wide, 0 < wide < _WIDEST),
            ("cost ratio", "above 0", cost, cost is None or cost > 0),
            ("pilot chips", "at least 3", design.pilot_chips, design.pilot_chips >= 3),
            (
                "pilot chips",
                f"at most {MOST_CHIPS}",
                design.pilot_chips,
                design.pilot_chips <= MOST_CHIPS,
            ),
            ("pilot images", "at least 8", design.pilot_images, design.pilot_images >= 8),
        ]

    @property
    def presets(self) -> tuple[str, ...]:
        """The devices as `spec_of` writes them."""
        return tuple(spec_of(device) for device in self.devices)

    @property
    def pairs(self) -> tuple[tuple[float, Compensation], ...]:
        """(time, compensation), in the order in which a chip is measured."""
        return tuple((t_s, c) for t_s in self.times_s for c in self.compensations)


def design_as_dict(design: Design) -> dict[str, Any]:
    """A design as JSON, with the name of its kind."""
    kind = "chips" if isinstance(design, Chips) else "precision"
    fields = {"kind": kind, **dataclasses.asdict(design)}
    # Folders of before there were other first chips stay what they are.
    return {key: value for key, value in fields.items() if key != "first" or value}
