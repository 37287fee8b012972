"""Tests of evidence make it with the tools that make the bundles of grades."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / "fixtures" / "vectors"),
    str(ROOT / "fixtures" / "bundles" / "grades"),
    str(ROOT / "tests" / "quotes"),
]
