"""Settings that torch's thread pools read once, at import."""

import os

WAIT_POLICY = "OMP_WAIT_POLICY"


def prepare_threads() -> None:
    """Let idle OpenMP threads sleep; call it before torch is imported.

    The default is to spin: beside one other busy process that made a forward pass 20 times slower
    on two cores. A value that the user has set stays.
    """
    os.environ.setdefault(WAIT_POLICY, "PASSIVE")


def openmp_settings() -> tuple[tuple[str, str], ...]:
    """The OpenMP and BLAS variables that are set, as (name, value), sorted by name."""
    prefixes = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_")
    return tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith(prefixes)))
