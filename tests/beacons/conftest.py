"""The tests sign rounds of the chains whose key is public."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "fixtures" / "beacons"))
