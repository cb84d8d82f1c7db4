"""The docs build without a warning, offline, and hold what they are made from."""

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

import analogsim
import device_models
from analogsim.batchnorm.policy import POLICIES
from analogsim.cli.main import COMMANDS
from analogsim.crossbar.chip.compensation import COMPENSATIONS
from analogsim.inputs.zoo import ZOO
from device_models import DEVICES

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built pages. A warning of Sphinx is an error, an example that fails is one too."""
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
        + ["-d", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        text=True,
        # A proxy that answers nothing: whoever asks the network fails here.
        env=os.environ | {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return folder / "html"


def text_of(page: Path) -> str:
    """What a reader sees, on one line, without the markup."""
    body = page.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", "", body)).split())


def test_pages_load_nothing_from_a_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        loaded = re.findall(
            r"<(?:script|img|iframe)[^>]*src=\"([^\"]*)\"|<link[^>]*href=\"([^\"]*)\"",
            page.read_text(encoding="utf-8"),
        )
        away = [url for pair in loaded for url in pair if re.match(r"(https?:)?//", url)]
        assert away == [], page


def test_reference_holds_every_command_and_public_name(site: Path) -> None:
    cli = text_of(site / "reference" / "cli.html")
    for name in COMMANDS:
        assert f"analogsim {name} [OPTIONS]" in cli
    pages = sorted((site / "reference" / "api").glob("*.html"))
    assert {"convert", "program", "evaluate", "run"} <= {page.stem for page in pages}
    api = "".join(page.read_text(encoding="utf-8") for page in pages)
    for module in (analogsim, device_models):
        for name in module.__all__:
            described = f'id="{module.__name__}.{name}"' in api
            assert (
                described
                or f"{name}</span></code>: see" in api
                # Values: the switches stand on the page of devices.
                or name in {"DEVICES", "DRIFT", "PROGRAMMING", "READ_NOISE", "__version__"}
            ), name


def test_devices_page_holds_every_law_and_constant(site: Path) -> None:
    page = text_of(site / "explanation" / "devices.html")
    for device in DEVICES.values():
        info = device.info
        for text in (info.title, info.models, info.not_modelled, info.citation, info.valid_times):
            assert " ".join(text.split()) in page
        for constant in device().constants():
            value = constant.value
            assert (f"{value:.12g}" if isinstance(value, float) else value) in page


def test_outputs_are_of_this_build(site: Path) -> None:
    tutorial = text_of(site / "tutorial.html")
    assert re.search(r"my_net.py:make: accuracy 9\d\.\d\d % \(3\d\d of 360 images", tutorial)
    assert re.search(r"pcm 1 y global +9\d\.\d\d", tutorial)
    one_chip = text_of(site / "notebooks" / "one-chip.html")
    assert re.search(r"1 year : mean slope 0\.\d+, spread about it", one_chip)


def test_choices_are_explained(site: Path) -> None:
    drift = text_of(site / "explanation" / "drift.html")
    assert [name for name in COMPENSATIONS if name not in drift] == []
    batchnorm = text_of(site / "explanation" / "batchnorm.html")
    assert [name for name in POLICIES if name not in batchnorm] == []
    networks = text_of(site / "reference" / "zoo.html")
    assert [name for name in ZOO if f"zoo:{name}" not in networks] == []
