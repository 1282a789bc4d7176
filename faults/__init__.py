"""The fault campaign: what users may lose to a killed process, a full disk or a damaged file. Nothing, it shows.

`python -m faults` runs all of it on real processes; see `__main__.py`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # For `support`.
