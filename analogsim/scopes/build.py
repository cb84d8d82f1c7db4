"""Rebuilds everything in a noise study's folder that is derived."""

from pathlib import Path

from analogsim.experiment.folder import write_bytes_atomic, write_json_atomic
from analogsim.scopes.page import render
from analogsim.scopes.plot import noise_figure, png
from analogsim.scopes.read_folder import read_noise
from analogsim.scopes.result import NoiseResult
from analogsim.scopes.sheet import Sheet
from analogsim.scopes.summary import noise_csv, noise_summary
from analogsim.scopes.table import headline, legend, noise_sheets

PAGE_FILE = "report.html"


def build_noise(folder: Path) -> tuple[NoiseResult, Path]:
    """Write noise.json, noise.csv, noise.png and report.html; the result and the page's path.

    Raises:
        InputError: as `read_noise`.
        OutputError: the folder cannot be written.
    """
    result = read_noise(folder)
    picture = png(noise_figure(result))
    write_json_atomic(folder / "noise.json", noise_summary(result))
    write_bytes_atomic(folder / "noise.csv", noise_csv(result).encode())
    write_bytes_atomic(folder / "noise.png", picture)
    # A name may hold half a character of a file name; it must not stop a report.
    write_bytes_atomic(folder / PAGE_FILE, _page(result, picture).encode(errors="replace"))
    return result, folder / PAGE_FILE


def _page(result: NoiseResult, picture: bytes) -> str:
    meaning = Sheet(
        caption="Scopes", head=["scope", "what is noised"], rows=legend(result), words=2
    )
    notes = [
        "Additive Gaussian noise on a plain digital network, drawn once a trial and fixed over "
        "the images. A draw has the same normals in every scope, reference and eta.",
        "Intervals are over draws (at 95 %): the etas of a grid are averaged within a draw first. "
        "Those for these images are Student's t, or hold for any distribution where draws are "
        "NaN; those for new images add that other images would give other accuracies, the "
        "digital network's too. Images with a NaN output count as class 0.",
        *result.notes,
    ]
    return render(
        result.question or f"Noise scopes of {result.model}",
        f"{headline(result)}. Computed {result.created} (UTC).",
        [
            ("Accuracy over noise", [picture, meaning]),
            ("Tables", noise_sheets(result)),
            ("Notes", [*notes, f"Command: {result.command}"]),
        ],
    )
