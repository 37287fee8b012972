"""What ezkl costs: a proof of mean and variance of hashed inputs. Run by `proof_systems.py`.

    PYTHON_WITH_EZKL_AND_ONNX mean_and_variance.py INPUTS

Prints one JSON object. The structured reference string is made on the spot, by whoever runs this:
good for measuring, and for nothing else.
"""

import importlib
import json
import os
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ezkl: Any = importlib.import_module("ezkl")
onnx: Any = importlib.import_module("onnx")

SCALE = 10
VERIFICATIONS = 5


def save_model(path: str, inputs: int) -> None:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["deviation"]),
        helper.make_node("Mul", ["deviation", "deviation"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["variance"], keepdims=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean_and_variance",
        [helper.make_tensor_value_info("x", kind, [1, inputs])],
        [helper.make_tensor_value_info(name, kind, [1, 1]) for name in ("mean", "variance")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


def measure(inputs: int) -> dict[str, Any]:
    source = random.Random("mean and variance")
    values = [source.random() for _ in range(inputs)]
    save_model("model.onnx", inputs)
    Path("data.json").write_text(json.dumps({"input_data": [values]}))
    compile_ = cpu_seconds(compile_model)
    reference_string = cpu_seconds(make_reference_string)
    setup = cpu_seconds(make_keys)
    prove = cpu_seconds(make_proof)
    verify = min(cpu_seconds(check_proof) for _ in range(VERIFICATIONS))
    proof = json.loads(Path("proof.json").read_text())
    outputs = proof["pretty_public_inputs"]["rescaled_outputs"]
    return {
        "inputs": inputs,
        "logrows": logrows(),
        "compile_cpu_s": compile_,
        "reference_string_cpu_s": reference_string,
        "setup_cpu_s": setup,
        "prove_cpu_s": prove,
        "verify_cpu_ms": 1e3 * verify,
        "proof_bytes": len(bytes.fromhex(proof["hex_proof"].removeprefix("0x"))),
        "proving_key_bytes": Path("pk.key").stat().st_size,
        "verifying_key_bytes": Path("vk.key").stat().st_size,
        "reference_string_bytes": Path("kzg.srs").stat().st_size,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "true": [statistics.fmean(values), statistics.pvariance(values)],
        "proven": [float(value) for output in outputs for value in output],
    }


def compile_model() -> None:
    arguments = ezkl.PyRunArgs()
    arguments.input_visibility = "hashed"
    arguments.output_visibility = "public"
    arguments.param_visibility = "fixed"
    arguments.input_scale = arguments.param_scale = SCALE
    ezkl.gen_settings("model.onnx", "settings.json", py_run_args=arguments)
    ezkl.calibrate_settings("data.json", "model.onnx", "settings.json", "resources", scales=[SCALE])
    ezkl.compile_circuit("model.onnx", "model.compiled", "settings.json")


def logrows() -> int:
    return int(json.loads(Path("settings.json").read_text())["run_args"]["logrows"])


def make_reference_string() -> None:
    ezkl.gen_srs("kzg.srs", logrows())


def make_keys() -> None:
    ezkl.setup("model.compiled", "vk.key", "pk.key", "kzg.srs")


def make_proof() -> None:
    ezkl.gen_witness("data.json", "model.compiled", "witness.json", "vk.key", "kzg.srs")
    ezkl.prove("witness.json", "model.compiled", "pk.key", "proof.json", "kzg.srs")


def check_proof() -> None:
    if not ezkl.verify("proof.json", "settings.json", "vk.key", "kzg.srs"):
        raise SystemExit("ezkl rejects its own proof")


def cpu_seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        result = measure(int(sys.argv[1]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
