"""Running two models on the same probes, and keeping what the scores need."""
