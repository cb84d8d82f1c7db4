"""Write `vectors.json` anew, with CrossSim on the path."""

import json
from pathlib import Path

from tests.crossbar.crosssim import transfers
from tests.crossbar.crosssim.cases import CASES
from tests.crossbar.crosssim.run import outputs

FILE = Path(__file__).with_name("vectors.json")


def dumps(kept: object, depth: int = 0) -> str:
    """JSON with a line for each case."""
    if not isinstance(kept, dict):
        return json.dumps(kept)
    inner = " " * (depth + 1)
    lines = [f"{inner}{json.dumps(key)}: {dumps(value, depth + 1)}" for key, value in kept.items()]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"


def main() -> None:
    """Run every case."""
    kept = {
        "source": "https://github.com/sandialabs/cross-sim",
        "licence": "BSD-3-Clause",
        "version": "3.2.0",
        "commit": "0a2eb1eda183326ef4d98d792995c721105d3726",
        "outputs": {
            case.name: [[float(f"{y:.9g}") for y in row] for row in outputs(case)] for case in CASES
        },
        "codes": {one.kind: transfers.theirs(one).tolist() for one in transfers.CASES},
    }
    FILE.write_text(dumps(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
