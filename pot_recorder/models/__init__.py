"""Opening language models: which files, which bytes, which kernels.

torch's libraries read their settings when they are first used, so the settings are made here,
before any module of this package imports torch.
"""

from pot_recorder.environment.kernel_environment import prepare_kernel_environment

prepare_kernel_environment()
