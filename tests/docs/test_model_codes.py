"""Every reason for which a model is refused stands in docs/models.md, and no other does."""

import re

from test_documents import ROOT, reason_codes


def test_every_refusal_of_a_model_is_documented():
    page = (ROOT / "docs" / "models.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    names = {"model.layers", "model.safetensors", "tokenizer.json", "tokenizer.model"}
    documented = set(re.findall(r"`((?:model|tokenizer)\.[a-z-]+)`", "\n".join(rows))) - names
    raised = {
        code
        for code in reason_codes(ROOT / "pot_recorder") - names
        if code.startswith(("model.", "tokenizer."))
    }
    assert len(raised) > 30
    assert documented == raised
