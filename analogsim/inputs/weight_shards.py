"""The index of weights that lie in several files: which tensor stands in which."""

from pathlib import Path

from analogsim.bounded import read_text
from analogsim.errors import InputError
from analogsim.schema import loads

MOST_PARTS = 1000
# No file system has longer names.
_LONGEST = 255
_FETCH = "fetch the original index and its files"


def read_index(path: Path, *, where: str) -> dict[Path, list[str]]:
    """Read `NAME.index.json`: each file, all in the index's own folder -> its tensors' names.

    Raises:
        InputError: it is no such index, or names a file that is missing, lies elsewhere, or is
            a link to elsewhere.
    """
    try:
        content = loads(read_text(path))
    except (OSError, ValueError) as err:
        raise InputError(f"{where} must be a JSON index, got {err}; {_FETCH}") from err
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        said = ", ".join(map(repr, list(content)[:3])) if isinstance(content, dict) else "no object"
        raise InputError(
            f"{where} must be an index with a weight_map, got {said or 'nothing'}"
            "; name the weights themselves"
        )
    wrong = [value for value in weight_map.values() if not isinstance(value, str)]
    if wrong:
        raise InputError(
            f"{where} weight_map must give file names, got {str(wrong[0])[:40]!r}; {_FETCH}"
        )
    names: dict[str, list[str]] = {}
    for tensor, file in weight_map.items():
        names.setdefault(file, []).append(tensor)
    if len(names) > MOST_PARTS:
        raise InputError(
            f"{where} must name at most {MOST_PARTS} files, got {len(names)}; {_FETCH}"
        )
    return {_member(path.parent, file, where): tensors for file, tensors in names.items()}


def _member(folder: Path, name: str, where: str) -> Path:
    odd = not name.isprintable() or len(name) > _LONGEST
    if name in {"", ".", ".."} or "/" in name or "\\" in name or odd:
        raise InputError(
            f"{where} files must lie beside the index, got {name[:60]!r}; put them into one folder"
        )
    member = folder / name
    if member.is_symlink() and member.resolve().parent != folder.resolve():
        raise InputError(
            f"{where} files must lie beside the index, got the link {name} to elsewhere"
            "; copy the file itself there"
        )
    if not member.is_file():
        raise InputError(f"{where} files must exist, got no {name}; fetch it into {folder}")
    return member
