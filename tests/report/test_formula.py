"""Laws as formulas, and units beside settings."""

import dataclasses

import pytest

from analogsim.crossbar.mapping.periphery import Periphery
from analogsim.report.formula import formula
from analogsim.report.setting_units import UNITS


@pytest.mark.parametrize(
    ("law", "html"),
    [
        ("g_prog = max(g + sigma(g) z, 0)", "g<sub>prog</sub> = max(g + \u03c3(g) z, 0)"),
        (
            "g(t) = g_prog ((t + t_0)/t_0)^-nu",
            "g(t) = g<sub>prog</sub> ((t + t<sub>0</sub>)/t<sub>0</sub>)<sup>\u2212\u03bd</sup>",
        ),
        ("N(0, sigma_l^2), max|W|", "N(0, \u03c3<sub>l</sub><sup>2</sup>), max&#124;W&#124;"),
        ("sqrt(ln(x))", "\u221a(ln(x))"),
        ("<b>&x_1", "&lt;b>&amp;x<sub>1</sub>"),
    ],
    ids=["subscript", "exponent", "both", "root", "escaped"],
)
def test_formula(law: str, html: str) -> None:
    assert formula(law) == html


def test_units_are_of_fields_and_every_number_has_one() -> None:
    numbers = {
        field.name
        for field in dataclasses.fields(Periphery)
        if isinstance(field.default, int | float) and not isinstance(field.default, bool)
    }
    assert {*UNITS} == numbers
