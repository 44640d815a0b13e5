#!/usr/bin/env python3
"""Checks model files with another ONNX runtime: onnx_check.py FOLDER [relative]

For each NAME.onnx in FOLDER: NAME.inputs.npy holds rows x features, float32, raw counters, NaN = missing; NAME.expected.npy our
predictions. Each must agree within `relative` (1e-5) of max(|expected|, 1), with all rows at once and one by one. Needs onnxruntime
and numpy (the environment that `make test` prepares). Exit code 1 where they differ or there is nothing to check.
"""
import json
import pathlib
import sys

import numpy as np
import onnxruntime


def check(model, relative):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (source,), (target,) = session.get_inputs(), session.get_outputs()
    x = np.load(model.with_suffix(".inputs.npy"))
    y = np.load(model.with_suffix(".expected.npy")).reshape(-1)
    names = json.loads(session.get_modelmeta().custom_metadata_map["feature_names"])
    assert source.type == "tensor(float)" and source.shape[1] == x.shape[1] == len(names), (source.shape, x.shape, len(names))
    assert target.type == "tensor(float)" and target.shape[1] == 1, target.shape
    assert len(x) == len(y) > 0 and np.isfinite(y).all(), (len(x), len(y))
    for batch in (len(x), 1):  # N is dynamic
        got = np.concatenate([session.run(None, {source.name: x[i : i + batch]})[0][:, 0] for i in range(0, len(x), batch)])
        difference = np.abs(got - y) / np.maximum(np.abs(y), 1)
        worst = int(np.argmax(difference))  # a NaN counts as the largest
        print(f"{model.name}: {len(x)} rows, batch {batch}: largest difference {difference[worst]:.2e} at row {worst}")
        if not difference[worst] <= relative:
            print(f"{model.name}, row {worst}: expected {y[worst]!r}, onnxruntime gives {got[worst]!r}", file=sys.stderr)
            return False
    return True


def main(folder, relative="1e-5"):
    models = sorted(pathlib.Path(folder).glob("*.onnx"))
    if not models:
        print(f"onnx_check: no *.onnx in {folder}", file=sys.stderr)
    return 0 if models and all([check(model, float(relative)) for model in models]) else 1


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
