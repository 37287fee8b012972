"""Our command line and other people's programs, as processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures"
BUNDLES = FIXTURES / "bundles"
VECTORS = FIXTURES / "vectors"
KEYS = FIXTURES / "keys"


def pot_audit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pot_audit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def other(python: Path, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script in the other environment, which sees nothing of this one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [python, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=clean,
        cwd="/",
    )
