"""The tests sign rounds of the chains whose key is public, and stamp with a local authority."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "fixtures" / "beacons"), str(ROOT / "tests" / "timestamps")]
