"""Settings that decide the last bits of a forward pass: made, and recorded as they are."""

from dataclasses import dataclass

import torch

from pot_recorder.environment.kernel_environment import kernel_environment

_SEED = 20240229
_SIZE = 256
_PARTS = 10**9


@dataclass(frozen=True, slots=True)
class DeterminismSettings:
    """The settings of this process, read back after they were made.

    Attributes:
        deterministic_algorithms: torch refuses kernels without a deterministic form.
        threads: threads inside one operation.
        interop_threads: operations at once.
        matmul_precision: of float32 products: ``highest``, ``high`` or ``medium``.
        matmul_error_ppb: largest error of a float32 product of two fixed 256 by 256 matrices, as
            parts in 10^9 of the largest entry. It tells a float32 product from one that the
            processor made in bfloat16 (about 10^6).
        kernel_environment: the OpenMP, BLAS and cuBLAS variables that are set, (name, value).
    """

    deterministic_algorithms: bool
    threads: int
    interop_threads: int
    matmul_precision: str
    matmul_error_ppb: int
    kernel_environment: tuple[tuple[str, str], ...]

    def to_document(self) -> dict[str, object]:
        """The settings as a document of strings, integers and booleans."""
        return {
            "deterministic_algorithms": self.deterministic_algorithms,
            "interop_threads": self.interop_threads,
            "kernel_environment": [list(pair) for pair in self.kernel_environment],
            "matmul_error_ppb": self.matmul_error_ppb,
            "matmul_precision": self.matmul_precision,
            "threads": self.threads,
        }


def make_deterministic(*, threads: int | None = None) -> DeterminismSettings:
    """Ask torch for one answer for one input, and record the settings.

    Float32 products stay float32 (``highest``): where ``medium`` is faster it is because the
    processor multiplies in a shorter type.

    Args:
        threads: threads inside one operation; None leaves torch's own number.
    """
    torch.use_deterministic_algorithms(mode=True, warn_only=False)
    torch.backends.cudnn.benchmark = False
    torch.set_float32_matmul_precision("highest")
    if threads is not None:
        torch.set_num_threads(threads)
    return DeterminismSettings(
        deterministic_algorithms=torch.are_deterministic_algorithms_enabled(),
        threads=torch.get_num_threads(),
        interop_threads=torch.get_num_interop_threads(),
        matmul_precision=torch.get_float32_matmul_precision(),
        matmul_error_ppb=_matmul_error_ppb(),
        kernel_environment=kernel_environment(),
    )


def _matmul_error_ppb() -> int:
    generator = torch.Generator().manual_seed(_SEED)
    left, right = torch.randn(2, _SIZE, _SIZE, generator=generator)
    exact = left.double() @ right.double()
    error = ((left @ right).double() - exact).abs().max() / exact.abs().max()
    return round(float(error) * _PARTS)
