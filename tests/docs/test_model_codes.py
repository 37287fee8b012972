"""Every reason for which a model is refused is documented, and docs/models.md names no other."""

import re

from test_documents import ROOT, reason_codes

_NOT_CODES = {"model.layers", "model.safetensors", "tokenizer.json", "tokenizer.model"}


def documented(pages: str) -> set[str]:
    rows = [
        line
        for page in (ROOT / "docs").glob(pages)
        for line in page.read_text().splitlines()
        if line.startswith("| `")
    ]
    return set(re.findall(r"`((?:model|tokenizer)\.[a-z-]+)`", "\n".join(rows))) - _NOT_CODES


def test_every_refusal_of_a_model_is_documented():
    raised = {
        code
        for code in reason_codes(ROOT / "pot_recorder") - _NOT_CODES
        if code.startswith(("model.", "tokenizer."))
    }
    assert len(raised) > 30
    assert raised - documented("*.md") == set()
    assert documented("models.md") - raised == set()
