"""Laws as formulas: text such as `sigma_prog = c_0 + c_1 x^2` as HTML."""

import re

_GREEK = {"sigma": "\u03c3", "nu": "\u03bd", "eta": "\u03b7", "alpha": "\u03b1"}
_DASH = "\u2212"


def formula(law: str) -> str:
    """A law of `DeviceInfo`, with subscripts, exponents and Greek letters as HTML; escaped."""
    text = law.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    text = re.sub(r"\^(-?)(\w+)", lambda m: f"<sup>{m[1] and _DASH}{_letters(m[2])}</sup>", text)
    text = re.sub(r"\b([A-Za-z]+)_(\w+)", lambda m: f"{_letters(m[1])}<sub>{m[2]}</sub>", text)
    return _letters(text).replace("sqrt(", "\u221a(").replace("*", "&#42;")


def _letters(text: str) -> str:
    return re.sub(r"\b(" + "|".join(_GREEK) + r")\b", lambda m: _GREEK[m[1]], text)
