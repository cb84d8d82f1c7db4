"""BibTeX: the devices' papers, with DOI, and nothing that the run did not use."""

import re

import pytest

from analogsim.experiment.header import RunHeader
from analogsim.report.citations import bibtex, cited, entries
from device_models.registry import DEVICES
from tests.report.run_folder import make_header

ALWAYS = ["rasch2021aihwkit", "legallo2023aihwkit"]


def of(*presets: str, **header: object) -> RunHeader:
    entry = make_header().devices[0]
    devices = [{**entry, "preset": preset} for preset in presets]
    bare = {"layers": [], "periphery": {"name": "ideal", "not_modelled": []}, "devices": devices}
    return make_header(**{**bare, **header})


def keys(*presets: str, **header: object) -> list[str]:
    return list(cited(of(*presets, **header)))


@pytest.mark.parametrize(
    ("preset", "found"),
    [
        ("pcm", ["nandakumar2019", "joshi2020"]),
        ("pcm?noise_scale=0.5", ["nandakumar2019", "joshi2020"]),
        ("pcm-hermes", ["khaddam-aljameh2022", "legallo2023chip", "vasilopoulos2023"]),
        ("rram", ["wan2022"]),
        ("rram-cmo", ["falcone2025", "lombardo2024"]),
        ("gaussian?eta=0.1", ["fagbohungbe2022"]),
        ("ideal", []),
        ("gaussian-matched(pcm)", []),
        ("my-own", []),
    ],
)
def test_a_device_has_its_papers(preset: str, found: list[str]) -> None:
    assert keys(preset) == [*found, *ALWAYS]


def test_periphery_and_batchnorm_have_theirs_once() -> None:
    layers = make_header().layers
    standard = {"name": "standard", "not_modelled": []}
    assert keys("gaussian", layers=layers, periphery=standard) == [
        "fagbohungbe2022", "rasch2023", *ALWAYS,
    ]  # fmt: skip
    assert keys("rram", spec={"bn": ["recalibrate"]}) == ["wan2022", "joshi2020", *ALWAYS]


@pytest.mark.parametrize(
    ("preset", "doi"),
    [
        ("pcm", "10.1109/ICECS46596.2019.8964852"), ("pcm", "10.1038/s41467-020-16108-9"),
        ("pcm-hermes", "10.1109/JSSC.2022.3140414"), ("pcm-hermes", "10.1038/s41928-023-01010-1"),
        ("rram", "10.1038/s41586-022-04992-8"), ("rram-cmo", "10.1109/DRC61706.2024.10643760"),
        ("gaussian", "10.1109/ACCESS.2022.3206958"), ("ideal", "10.1063/5.0168089"),
    ],
)  # fmt: skip
def test_the_doi_of_what_was_used_is_there(preset: str, doi: str) -> None:
    assert f"{{{doi}}}" in bibtex(of(preset))


def test_every_device_but_the_ideal_one_is_cited() -> None:
    for name in DEVICES:
        assert (len(keys(name)) > len(ALWAYS)) == (name != "ideal"), name


def test_entries_are_whole_and_agree_with_the_device() -> None:
    text = bibtex(of(*DEVICES))
    assert text.count("{") == text.count("}")
    for entry in text.strip().split("\n\n"):
        assert re.match(r"@\w+\{[\w-]+,\n", entry)
        assert re.search(r"^  author +=", entry, re.MULTILINE)
        assert re.search(r"^  year +=", entry, re.MULTILINE)
        assert re.search(r"^  (doi|url|eprint) +=", entry, re.MULTILINE)
    # The years and volumes of the devices' own citations.
    for said in ("727--730", "2473", "{57}", "{608}", "504--512", "2502.04524", "{10}"):
        assert said in text


def test_an_entry_stands_once() -> None:
    assert bibtex(of("rram", "rram?interpolate=true")).count("@article{wan2022") == 1


def test_a_device_of_the_users_brings_its_own_in_the_record() -> None:
    mine = "@misc{me2026,\n  author = {Me},\n  note = {at home, in a {B}ox}\n}\n"
    (entry,) = of("my-own").devices
    header = of(devices=[{**entry, "bibtex": f"% mine\n{mine}{mine}@odd"}])
    assert list(cited(header)) == ["me2026", "@odd", *ALWAYS]
    assert bibtex(header).startswith(mine)
    # A built-in device is never cited with what a folder says of it.
    (pcm,) = of("pcm").devices
    assert "me2026" not in cited(of(devices=[{**pcm, "bibtex": mine}]))


def test_a_text_without_an_entry_has_none() -> None:
    assert entries("my measurement of today") == {}
