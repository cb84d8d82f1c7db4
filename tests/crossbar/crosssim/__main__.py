"""Write `vectors.json` anew, with CrossSim on the path."""

import json
from pathlib import Path

from tests.crossbar.crosssim.cases import CASES
from tests.crossbar.crosssim.run import outputs

FILE = Path(__file__).with_name("vectors.json")


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
    }
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
