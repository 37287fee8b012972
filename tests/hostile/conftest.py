"""The collection is made with the tools that make the vectors and the forged tokens."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(ROOT / "fixtures" / "vectors"),
    str(ROOT / "tests" / "timestamps"),
    str(ROOT / "tests" / "quotes"),
    str(ROOT / "tests" / "hostile"),
]
