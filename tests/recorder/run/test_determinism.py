# ruff: noqa: E402 - the module is skipped before it imports what needs torch
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the `record` extra")

from pot_recorder.run.determinism import _matmul_error_ppb, make_deterministic
from pot_reverify.encoding import strict_json


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    torch.set_num_threads(before[0])
    torch.set_float32_matmul_precision(before[1])
    torch.use_deterministic_algorithms(mode=False)


def test_settings_are_made_and_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    torch.set_float32_matmul_precision("medium")
    settings = make_deterministic(threads=2)
    assert settings.deterministic_algorithms
    assert torch.are_deterministic_algorithms_enabled()
    assert (settings.threads, torch.get_num_threads()) == (2, 2)
    assert settings.matmul_precision == torch.get_float32_matmul_precision() == "highest"
    assert ("OMP_PROC_BIND", "close") in settings.kernel_environment
    document = settings.to_document()
    assert strict_json.decode(strict_json.encode(document)) == document


def test_matmul_error_tells_float32_from_bfloat16() -> None:
    error_ppb = make_deterministic().matmul_error_ppb
    assert 0 < error_ppb < 5_000
    left, right = torch.randn(2, 256, 256, generator=torch.Generator().manual_seed(1))
    rounded = (left.bfloat16() @ right.bfloat16()).double() - left.double() @ right.double()
    assert float(rounded.abs().max() / (left.double() @ right.double()).abs().max()) > 1e-3
    assert _matmul_error_ppb() == error_ppb


@pytest.mark.parametrize(
    "module", ["models.load", "run.coarsen", "environment.machine", "run.determinism"]
)
def test_settings_are_made_before_torch_is_imported(module: str) -> None:
    program = f"""
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ["OMP_WAIT_POLICY"], os.environ["CUBLAS_WORKSPACE_CONFIG"])
            sys.exit()
sys.meta_path.insert(0, Watch())
import pot_recorder.{module}
"""
    settings = {"OMP_WAIT_POLICY", "CUBLAS_WORKSPACE_CONFIG"}
    environment = {name: value for name, value in os.environ.items() if name not in settings}
    environment["PYTHONPATH"] = str(Path(__file__).parents[3])
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == ["PASSIVE", ":4096:8"]
