"""JSON and TOML that cost the square of their size, or whose errors do.

Sizes are such that what was quadratic would take minutes; nothing here measures a time.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from analogsim import bounded, schema
from analogsim.crossbar.mapping import periphery_text
from analogsim.errors import InputError, shown
from analogsim.spec.check import MOST_ITEMS, _is_once, find_problems
from analogsim.spec.file import parse_spec, read_spec

MANY = 100_000
HEAD = 'model = "zoo:digits_cnn"\ndata = "digits"\npresets = ["pcm"]\n'
SOUND = f'{HEAD}times = ["1s"]\n[design]\nchips = 1\n'


def test_a_name_that_stands_twice_among_many_is_found() -> None:
    text = "{" + ",".join(f'"k{n}":0' for n in range(MANY)) + f',"k{MANY - 1}":1}}'
    with pytest.raises(ValueError, match=rf"^the name 'k{MANY - 1}' stands twice$"):
        schema.loads(text)


def test_the_first_that_stands_twice_is_named() -> None:
    with pytest.raises(ValueError, match="^the name 'b' stands twice$"):
        schema.loads('{"a": 1, "b": 2, "c": 3, "b": 4, "a": 5}')


def test_names_that_are_not_known_are_not_all_said() -> None:
    found = dict.fromkeys(map(str, range(MANY)), 0)
    (said,) = schema.field_problems(found, {})
    assert said == (
        "must have no other fields, got "
        + ", ".join(f"'{n}'" for n in range(20))
        + f" and {MANY - 20} more"
    )


@pytest.mark.parametrize(
    "value", [list(range(MANY)), "x" * MANY, {"a": ["b" * MANY]}], ids=["list", "text", "object"]
)
@pytest.mark.parametrize("hint", [int, list[int], int | None], ids=str)
def test_a_long_value_is_cut(value: object, hint: object) -> None:
    for problem in schema.problems(value, hint, "x"):
        assert problem.startswith("x must be ")
        assert problem.endswith("...")
        assert len(problem) < 500


def test_a_value_is_shown_whole_where_it_is_short() -> None:
    assert shown([1, "a"]) == "[1, 'a']"
    assert shown("x" * 398) == repr("x" * 398)
    assert shown("x" * 399) == "'" + "x" * 399 + "..."


def nested() -> list[object]:
    value: list[object] = []
    for _ in range(MANY):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "kind"), [(nested(), "list"), (1 << MANY, "int")], ids=["deep", "digits"]
)
def test_a_value_that_has_no_text_is_named_by_its_kind(value: object, kind: str) -> None:
    assert shown(value) == f"a {kind} that is too large to be shown"


def lists(entry: Callable[[int], str]) -> str:
    return "[" + ", ".join(map(entry, range(MANY))) + "]"


SPECS = {
    "different presets": (
        HEAD.replace('["pcm"]', lists(lambda n: f'"p{n:05}"'))[:900_000] + '\n"]',
        "be TOML",
    ),
    "times": (
        f"{HEAD}times = {lists(lambda n: f'{n}')}",
        f".*times must have at most {MOST_ITEMS}",
    ),
    "lists": (
        f"{HEAD}times = {lists(lambda n: '[]')}",
        f".*times must have at most {MOST_ITEMS} en",
    ),
    "etas": (
        f"{HEAD}etas = {lists(lambda n: '0')}",
        f".*etas must have at most {MOST_ITEMS} entri",
    ),
    "keys": (
        HEAD + "".join(f"k{n:x} = 0\n" for n in range(MANY)),
        r".*k0 must be one of .*\n  and more\nmend these$",
    ),
    "networks": (
        'data = "digits"\n' + '[[networks]]\nlabel=""\n' * 40_000,
        f".*networks must have at most {MOST_ITEMS} entries, got 40000",
    ),
    "entries": (
        'data = "digits"\n' + "[[networks]]\nx=1\n" * 10_000,
        r".*line 3: networks\[0\]\.x must be one of .*\n  and more\nmend these$",
    ),
    "a key of many parts": ("a." * MANY + "b = 1", "be TOML, got 'more than 64 parts in a.a"),
    "a table of many parts": ("[" + "a." * MANY + "b]", "be TOML, got 'more than 64 parts in "),
    "parts in quotes": ('"a".' * MANY + "b = 1", "be TOML, got 'more than 64 parts in "),
    "a key of parts inside": (
        "x = {" + "a." * MANY + "b = 1}",
        "be TOML, got 'more than 64 parts in ",
    ),
    "deep lists": ("x = " + "[" * MANY + "]" * MANY, "be TOML, got 'it is nested too deeply'"),
    "deep tables": ("x = " + "{a=" * MANY, "be TOML, got 'it is nested too deeply'"),
    "long": ("#" * (1 << 21), "be TOML, got '2097152 characters, over 1048576'"),
    "digits": (
        f"{HEAD}times = [0x{'f' * 9000}]",
        ".*times must be a number below 1.8e308, got one",
    ),
    "digits for text": (f"{SOUND}\nbatch_size = 0x{'f' * 9000}", "follow"),
    "a long name": (
        f"{SOUND}{'x' * 500_000} = 1",
        r".*design\.x{193} must be one of .*got 'x{399}\.\.\.",
    ),
    "a long text": (f'{HEAD}bn = ["{"y" * 500_000}"]', r".*got 'y{399}\.\.\."),
}


@pytest.mark.parametrize(("text", "said"), SPECS.values(), ids=SPECS)
def test_a_spec_that_costs_too_much_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"(?s)^spec x must {said}") as caught:
        parse_spec(text, "x")
    assert len(str(caught.value)) < 200_000


def test_a_spec_is_bounded_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(SOUND)
    read_spec(path)
    with path.open("ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(
        InputError, match=r"s\.toml must be a readable TOML file, got 'File too lar"
    ):
        read_spec(path)
    with pytest.raises(InputError, match=r"spec /dev/zero must be a readable TOML file, got 'File"):
        read_spec(Path("/dev/zero"))


@pytest.mark.parametrize(
    "text",
    ["a." * MANY + "b = 1", "#" * (1 << 21), "name = " + "[" * MANY],
    ids=["parts", "long", "deep"],
)
def test_a_periphery_file_has_the_same_bounds(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(InputError, match=r"periphery file .*p\.toml must be TOML, got '.*'; mend"):
        periphery_text.parse(str(tmp_path / "p.toml"))


def test_as_many_entries_as_are_allowed_are_checked() -> None:
    rule = {"type": "array", "uniqueItems": True, "items": {"type": "integer"}, "description": "n"}
    assert list(find_problems(list(range(MOST_ITEMS)), rule, "x")) == []
    (twice,) = find_problems([*range(MOST_ITEMS - 1), 0], rule, "x")
    assert twice.text.startswith("must be n, got [0, 1, ")
    assert _is_once([{"a": 1}, {"a": 2}, [1], [2], "1", 1])
    assert not _is_once([[1], [1]])
    assert not _is_once([1, 1.0])


@pytest.mark.parametrize("part", ["a", '"a b"', "'a'", "a-b "])
def test_keys_of_as_many_parts_as_are_allowed_are_parsed(part: str) -> None:
    assert bounded.parse_toml(f"{part}." * 63 + "b = 1")
    with pytest.raises(ValueError, match=r"^more than 64 parts in "):
        bounded.parse_toml(f"{part}." * 64 + "b = 1")


def test_numbers_and_texts_have_as_many_dots_as_they_like() -> None:
    text = f"etas = {[0.5] * 10_000}\nquestion = '{'What? ...' * 1000}'\n# {'a. ' * 50}"
    assert len(bounded.parse_toml(text)["etas"]) == 10_000
    assert bounded.parse_toml("x" * 1_000_000 + " = 1")
