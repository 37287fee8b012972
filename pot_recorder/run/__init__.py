"""Running two models on the same probes, and keeping what the scores need."""

import pot_recorder.environment  # noqa: F401 - makes torch's settings before torch is imported
