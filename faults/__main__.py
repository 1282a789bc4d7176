"""The fault campaign: kill -9, two processes at once, full disks, damaged files.

Every case trains, collects or reads a net on scikit-learn's digits as users do, lets a fault strike, and
asks for two things: nothing half-written is ever read, and the same command given again ends with the
results, to the last digit, of a run that nothing befell.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from tqdm import tqdm

from .damage import all_damages
from .disk import all_disks
from .kills import Reference, all_kills
from .points import PHASES
from .scene import Tally

PARTS = {"kills": all_kills, "disks": all_disks, "damages": all_damages}
AT_LEAST = {"kills": ("kill -9", 50), "damages": ("damaged file", 200)}


@dataclass
class Options:
    """Run the fault campaign; some minutes on one core."""

    parts: tuple[Literal["kills", "disks", "damages"], ...] = tuple(PARTS)
    """Which of its parts; kills include two processes at once."""
    keep: Path | None = None
    """An empty folder for the files of the cases, for looking into one that failed (default: a temporary one)."""


def main() -> int:
    options = tyro.cli(Options, prog="python -m faults", description=__doc__)
    with tempfile.TemporaryDirectory(prefix="ff-faults-") as temporary, tqdm(unit="case", desc="faults") as bar:
        folder = (options.keep or Path(temporary)).resolve()
        tally = Tally(advance=bar.update)
        reference = Reference(folder)
        for part in options.parts:
            PARTS[part](tally, reference, folder)
    print(tally.table().to_string(index=False))
    for line in tally.skipped:
        print("skipped:", line)
    asked = [AT_LEAST[part] for part in options.parts if part in AT_LEAST]
    lacking = [
        f"{fault}: {tally.cases(fault)} cases, not {least}" for fault, least in asked if tally.cases(fault) < least
    ]
    if "kills" in options.parts:
        lacking += [f"no kill while {phase}" for phase in PHASES if ("kill -9", phase) not in tally.counts]
    for line in (*tally.failures, *lacking):
        print("FAILED:", line, file=sys.stderr)
    total = sum(tried for tried, _ in tally.counts.values())
    print(f"{total - len(tally.failures)} of {total} cases answered as they should be")
    return 1 if tally.failures or lacking else 0


if __name__ == "__main__":
    sys.exit(main())
