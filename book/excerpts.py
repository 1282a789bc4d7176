"""Write the images that pages picture to `results/excerpts`, so that the pages need no data set."""

from __future__ import annotations

import sys

from ff_utils import UserError, studies
from ff_utils.data import write_excerpt
from ff_utils.files import project_folder
from ff_utils.reporting import comparing, diagnostics
from ff_utils.studies import collecting


def main() -> int:
    records = collecting.collect(studies.get("full-length", "paper"))
    pictured = {"train": range(20)}
    if best := comparing.best_cell(records):
        pictured["test"] = diagnostics.mistakes(records.run_of(**best.settings), best.epochs)
    target = project_folder() / "results" / "excerpts" / "mnist.npz"
    try:
        write_excerpt("mnist", pictured, target)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{sum(map(len, pictured.values()))} images; written to {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
