"""A device at a time beside its controls: what is asked for, and what comes of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from analogsim.crossbar.chip.compensation import Compensation
from analogsim.equivalent.causes import Variant, variants
from analogsim.equivalent.device_chips import DeviceChips, Pair
from analogsim.equivalent.matching import WeightErrors
from analogsim.equivalent.parts import AMPLIFIED, REST, WEIGHTS, controls, meaning
from analogsim.equivalent.search import equivalent, ladder
from analogsim.equivalent.weighed import Weigh, Weighed
from analogsim.experiment.record_file import RecordFile
from analogsim.experiment.replay import Missing, Requests
from analogsim.experiment.statistics import ANY, ByChip, Interval
from analogsim.quantity import Quantity
from analogsim.report.comparison import Cause, EquivalentEta, Part, Point, control_name, estimate
from device_models.contract import Device
from device_models.gaussian import Gaussian
from device_models.registry import spec_of


@dataclass(frozen=True, kw_only=True)
class Points:
    """Makes the points of a comparison out of its records.

    Attributes:
        main: the devices and their matched Gaussians.
        side: everything else that is compared with these.
        weights: the weight errors that the controls are made of.
        asked: takes what one of the three lacks.
        compensation: that of the devices.
        moved: the same factor in front of the ADC; None where there is none.
        whole: whether weights are whole, in one pair of cells.
        quantity: what is measured.
    """

    main: DeviceChips
    side: DeviceChips
    weights: RecordFile[Weighed]
    asked: Requests
    compensation: Compensation
    moved: Compensation | None
    quantity: Quantity
    whole: bool = True
    _levels: dict[tuple[str, float], dict[float, Interval]] = field(default_factory=dict)

    def ask(self, device: Device, times_s: Sequence[float]) -> None:
        """Ask for all that rests on no other record."""
        pairs: list[Pair] = [(t_s, self.compensation) for t_s in times_s]
        name, *others = (spec_of(one) for one in (device, *(v.device for v in variants(device))))
        self.main.ask(name, *pairs)
        for one, pair in product((name, *others), pairs):
            self.asked.add(self._weigh(one, pair), self.weights)
        if self.moved is not None:
            self.side.ask(name, *((t_s, self.moved) for t_s in times_s))
        for one in others:
            self.side.ask(one, *pairs)

    def point(self, device: Device, t_s: float) -> Point:
        """What is said of a device at a time. Raises Missing, and has asked for what it lacks."""
        name, pair = spec_of(device), (t_s, self.compensation)
        errors = self._errors(device, t_s)
        none = self._ask_control(self.main, errors)
        for one in controls(errors, whole=self.whole):
            self.side.ask(one.name, none, device=one.device)
        for variant in variants(device):
            self._ask_control(self.side, self._errors(variant.device, t_s))
        answers = self.main.answers(name, pair)
        # First, since it has the most to ask for.
        level = self._equivalent(name, t_s, answers)
        control = self.main.answers(control_name(name), none)
        difference = answers - control
        return Point(
            preset=name,
            control=control_name(name),
            t_s=t_s,
            accuracy=estimate(answers.mean(self.quantity.span)),
            accuracy_control=estimate(control.mean(self.quantity.span)),
            difference=estimate(difference.mean(self.quantity.differences)),
            sigmas=dict(errors.matched().sigmas),
            equivalent=level,
            parts=self._parts(errors, answers, control),
            causes=[self._cause(variant, t_s, difference) for variant in variants(device)],
        )

    def _weigh(self, name: str, pair: Pair) -> Weigh:
        main = self.main
        return Weigh(preset=name, bn=main.bn, chip=main.chips - 1, images=main.images,
                     part="main", wanted=(pair,))  # fmt: skip

    def _errors(self, device: Device, t_s: float) -> WeightErrors:
        pair = (t_s, self.compensation)
        weighed = self.weights.done.get(self._weigh(spec_of(device), pair).key(*pair))
        if weighed is None:
            raise Missing
        return weighed.errors(device)

    def _ask_control(self, chips: DeviceChips, errors: WeightErrors) -> Pair:
        # Compensation would read its own noise into chips that have not drifted.
        pair: Pair = (errors.t_s, "none")
        chips.ask(control_name(errors.to), pair, device=errors.matched())
        return pair

    def _equivalent(self, name: str, t_s: float, of: ByChip) -> EquivalentEta:
        def difference(eta: float) -> Interval:
            device = Gaussian(eta=eta, spread_of="cell" if self.whole else "weight")
            self.side.ask(spec_of(device), (t_s, "none"), device=device)
            noisy = self.side.answers(spec_of(device), (t_s, "none"))
            # It falls with the level, also where noise raises the measure.
            gap = noisy - of if self.quantity.sign > 0 else of - noisy
            return gap.mean(self.quantity.differences)

        known = self._levels.setdefault((name, t_s), {})
        found = equivalent(difference, ladder(), known)
        return EquivalentEta(
            eta=found.eta,
            low=found.low,
            high=found.high,
            reached=found.reached,
            n_levels=found.n_levels,
        )

    def _parts(self, errors: WeightErrors, last: ByChip, before: ByChip) -> list[Part]:
        pair: Pair = (errors.t_s, "none")
        steps = [
            (one.prop, self.side.answers(one.name, pair))
            for one in controls(errors, whole=self.whole)
        ]
        if self.moved is None:
            steps.append((REST, last))
        else:
            steps.append((WEIGHTS, self.side.answers(errors.to, (errors.t_s, self.moved))))
            steps.append((AMPLIFIED, last))
        parts = []
        for prop, after in steps:
            share = estimate((after - before).mean(self.quantity.differences))
            parts.append(Part(prop=prop, meaning=meaning(prop, whole=self.whole), share=share))
            before = after
        return parts

    def _cause(self, variant: Variant, t_s: float, difference: ByChip) -> Cause:
        name = spec_of(variant.device)
        control = self.side.answers(control_name(name), (t_s, "none"))
        left = self.side.answers(name, (t_s, self.compensation)) - control
        return Cause(
            option=variant.switch.option,
            effect=variant.switch.title,
            difference_without=estimate(left.mean(self.quantity.differences)),
            share=estimate((difference - left).mean(ANY)),
        )
