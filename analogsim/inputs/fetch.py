"""Fetch a data set's archive and unpack it, checked, and only when asked."""

import hashlib
import shutil
import tarfile
import tempfile
import urllib.request
from pathlib import Path

from analogsim.errors import InputError


def fetch_archive(url: str, md5: str, folder: Path) -> None:
    """Fetch a `.tar.gz` and unpack it into a folder, which is made if it is missing.

    Args:
        url: where the archive is.
        md5: its md5 sum; nothing is unpacked from another archive.
        folder: where its content goes.

    Raises:
        InputError: it cannot be fetched, differs from its md5 sum, or cannot be unpacked.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as archive:
            with urllib.request.urlopen(url, timeout=60) as answer:
                shutil.copyfileobj(answer, archive)
            archive.seek(0)
            got = hashlib.file_digest(
                archive, lambda: hashlib.md5(usedforsecurity=False)
            ).hexdigest()
            if got != md5:
                raise InputError(
                    f"download {url} md5 sum must be {md5}, got {got}; try again later"
                )
            archive.seek(0)
            with tarfile.open(fileobj=archive, mode="r:gz") as tar:
                # The filter refuses members that would leave the folder.
                tar.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as err:
        raise InputError(
            f"download {url} must arrive in {folder}, got {err}; check the connection and the "
            "folder, or fetch and unpack it by hand"
        ) from err
