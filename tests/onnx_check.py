#!/usr/bin/env python3
"""Checks a model file with another ONNX runtime: onnx_check.py MODEL INPUTS.npy EXPECTED.npy [relative]

INPUTS: rows x features, float32, raw counters, NaN = missing; EXPECTED: our predictions. Each must agree within `relative` (1e-5) of
max(|expected|, 1). Needs onnxruntime and numpy (python3 -m venv v; v/bin/pip install onnxruntime numpy). Exit code 1 where they differ.
"""
import json
import sys

import numpy as np
import onnxruntime


def main(model, inputs, expected, relative="1e-5"):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (source,), (target,) = session.get_inputs(), session.get_outputs()
    x = np.load(inputs)
    y = np.load(expected).reshape(-1)
    names = json.loads(session.get_modelmeta().custom_metadata_map["feature_names"])
    assert source.type == "tensor(float)" and source.shape[1] == x.shape[1] == len(names), (source.shape, x.shape, len(names))
    assert target.type == "tensor(float)" and target.shape[1] == 1, target.shape
    for batch in (len(x), 1):  # N is dynamic
        got = np.concatenate([session.run(None, {source.name: x[i : i + batch]})[0][:, 0] for i in range(0, len(x), batch)])
        difference = np.abs(got - y) / np.maximum(np.abs(y), 1)
        worst = int(np.argmax(difference))
        print(f"{model}: {len(x)} rows, batch {batch}: largest difference {difference[worst]:.2e} at row {worst}")
        if not difference[worst] <= float(relative):
            print(f"row {worst}: expected {y[worst]!r}, onnxruntime gives {got[worst]!r}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
