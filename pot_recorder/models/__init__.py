"""Opening language models: which files, which bytes, which kernels."""

import pot_recorder.environment  # noqa: F401 - makes torch's settings before torch is imported
