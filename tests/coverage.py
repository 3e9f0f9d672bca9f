"""``python -m tests.coverage REPORT``: is every module reached, in lines and branches?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

LEAST = 97  # per cent of the lines and of the branches of each module


def gaps(report: str | Path) -> list[str]:
    """The modules of coverage's JSON report that the tests reach too little of."""
    files = json.loads(Path(report).read_text(encoding="utf-8"))["files"]
    shares = {name: file["summary"]["percent_covered"] for name, file in sorted(files.items())}
    return [f"{name}: {share:.1f} %" for name, share in shares.items() if share < LEAST]


if __name__ == "__main__":
    found = gaps(sys.argv[1])
    print(*found, sep="\n")
    sys.exit(f"{len(found)} modules are below {LEAST} % of lines and branches" if found else 0)
