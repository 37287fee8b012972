"""The tests stamp bundles that they change with the tools that make the vectors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "fixtures" / "vectors"))
