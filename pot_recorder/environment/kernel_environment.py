"""Environment variables that torch's libraries read once, when they are first used."""

import os

_DEFAULTS = {
    # Idle OpenMP threads sleep. By default they spin: beside one other busy process that made a
    # forward pass 20 times slower on two cores.
    "OMP_WAIT_POLICY": "PASSIVE",
    # cuBLAS is deterministic only with a workspace of fixed size.
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}
_PREFIXES = ("CUBLAS_", "GOMP_", "KMP_", "MKL_", "OMP_", "OPENBLAS_")


def prepare_kernel_environment() -> None:
    """Set the defaults; call it before torch is imported. A value that the user has set stays."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def kernel_environment() -> tuple[tuple[str, str], ...]:
    """The variables of OpenMP, BLAS and cuBLAS that are set, as (name, value), sorted by name."""
    return tuple(sorted(item for item in os.environ.items() if item[0].startswith(_PREFIXES)))
