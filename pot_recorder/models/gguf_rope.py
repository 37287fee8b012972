"""Rotary positions: what a GGUF file says of them, in the words of a transformers configuration."""

from pot_recorder.models.gguf_metadata import Metadata

_THETA_DEFAULT = 10_000.0  # llama.cpp's, which GGUF files leave out


def read_rope(metadata: Metadata, prefix: str, context: int) -> dict[str, object]:
    """The ``rope_parameters`` of the whole model.

    Linear scaling and YaRN are applied; both programs compute them alike (llama.cpp's
    ``rope_yarn`` with its defaults β 32 and 1, transformers' ``_compute_yarn_parameters``).

    Args:
        metadata: the ``rope.*`` keys are taken from it.
        prefix: the architecture's name.
        context: the number of positions that the model was trained on, as the file says.

    Raises:
        Rejection: ``model.metadata-not-applied``.
    """
    theta = metadata.number(f"{prefix}.rope.freq_base", _THETA_DEFAULT)
    # It records how the model came about and is computed with by nobody.
    metadata.flag(f"{prefix}.rope.scaling.finetuned", default=False)
    original = metadata.size(f"{prefix}.rope.scaling.original_context_length", context)
    legacy = metadata.number(f"{prefix}.rope.scale_linear", 0.0)
    factor = metadata.number(f"{prefix}.rope.scaling.factor", legacy)
    if legacy not in (0.0, factor):
        raise metadata.refusal(
            f"{prefix}.rope.scale_linear", legacy, f"rope.scaling.factor, {factor}"
        )
    kind = metadata.text(f"{prefix}.rope.scaling.type", "linear")
    # 0 means that there is no factor (llama.cpp, `load_hparams`).
    if kind == "none" or (kind == "linear" and factor in (0.0, 1.0)):
        return {"rope_type": "default", "rope_theta": theta}
    if kind == "linear":
        return {"rope_type": "linear", "rope_theta": theta, "factor": factor}
    if kind == "yarn" and factor >= 1.0:
        return {
            "rope_type": "yarn",
            "rope_theta": theta,
            "factor": factor,
            "original_max_position_embeddings": original,
        }
    raise metadata.refusal(
        f"{prefix}.rope.scaling.type", f"{kind}, factor {factor}", "none, linear or yarn"
    )
