"""JSON documents drawn from the type hints that their readers check."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from hypothesis import strategies as st

Values = st.SearchStrategy[Any]

_ODD_TEXT = ["", "\x00", "\x1b[2J", "\u202e", "\ud800", "a\nb", "<script>", "=1+1", "crc32", "../x"]
TEXT = st.text(max_size=8) | st.sampled_from(_ODD_TEXT)
WHOLE = st.integers(-3, 20) | st.integers() | st.sampled_from([2**31, 2**63, 10**300])
FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 1) | WHOLE
_PLAIN: dict[Any, Values] = {
    str: TEXT, int: WHOLE, float: FINITE, bool: st.booleans(), NoneType: st.none(),
}  # fmt: skip
ANYTHING: Values = st.recursive(
    st.one_of(*_PLAIN.values()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def of_hint(hint: Any) -> Values:
    """Values that are of a hint: as `analogsim.schema.problems` reads it, written a second time."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return ANYTHING
    if origin in {Union, UnionType}:
        return st.one_of(*map(of_hint, args))
    if origin is Literal:
        return st.sampled_from(args)
    if origin is list:
        return st.lists(of_hint(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(TEXT, of_hint(args[1]), max_size=3)
    if is_typeddict(hint):
        return st.fixed_dictionaries({k: of_hint(h) for k, h in get_type_hints(hint).items()})
    return _PLAIN[hint]


@st.composite
def documents(draw: Any, hints: Mapping[str, Any], sound: Mapping[str, Any]) -> dict[str, Any]:
    """A sound object of which a few fields are drawn anew: of their hint, as anything, or gone."""
    found = dict(sound)
    for name in draw(st.lists(st.sampled_from(sorted(hints)), min_size=1, max_size=3)):
        how = draw(st.sampled_from(["inside", "inside", "hint", "anything", "gone"]))
        if how == "gone":
            found.pop(name, None)
        elif how == "inside":
            found[name] = draw(_inside(hints[name], found.get(name)))
        else:
            found[name] = draw(of_hint(hints[name]) if how == "hint" else ANYTHING)
    return found


def _inside(hint: Any, sound: Any) -> Values:
    """The same kind of value with something in it drawn anew."""
    args = get_args(hint)
    if get_origin(hint) in {Union, UnionType} and isinstance(sound, dict):
        hint = next((one for one in args if is_typeddict(one)), hint)
    if is_typeddict(hint) and isinstance(sound, dict):
        return documents(get_type_hints(hint), sound)
    if get_origin(hint) is list and isinstance(sound, list) and sound:
        inner = _inside(args[0], sound[0])
        return st.tuples(st.integers(0, len(sound) - 1), inner).map(
            lambda drawn: [*sound[: drawn[0]], drawn[1], *sound[drawn[0] + 1 :]]
        )
    if get_origin(hint) is dict and isinstance(sound, dict) and sound:
        return documents(dict.fromkeys(sound, args[1]), sound)
    return of_hint(hint)
