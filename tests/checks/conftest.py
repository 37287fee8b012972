"""The tests change bundles with the tools that make the vectors and the bundles of grades."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / "fixtures" / "vectors"),
    str(ROOT / "fixtures" / "bundles" / "grades"),
    str(ROOT / "fixtures" / "beacons"),
    str(ROOT / "tests" / "quotes"),
    str(ROOT / "tests" / "timestamps"),
]
