import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def simulation():
    """benchmarks/decision_error_rates.py, whose simulations the tests repeat with fewer runs."""
    pytest.importorskip("numpy")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import decision_error_rates
    finally:
        sys.path.remove(str(BENCHMARKS))
    return decision_error_rates
