#!/usr/bin/env python3
"""Prints src/nn/golden_nn.h: what forward and training must give. Run by hand: needs numpy only.

The formulas are those that PyTorch documents for Linear, ReLU, GELU, SmoothL1Loss, MSELoss and optim.Adam, written once more in float64 and
independently of the C++ code (PyTorch itself is a download of half a gigabyte, so it is not used). Inputs and starting weights are
sines of an index, so that only results need to be stored.
"""
import math

import numpy as np

SIZES = [3, 4, 2, 1]
ROWS = 6
STEPS = 5
erf = np.vectorize(math.erf)


def sines(count, step, scale):
    """float32, as the C++ side has them."""
    return (scale * np.sin(step * np.arange(1, count + 1))).astype(np.float32).astype(np.float64)


def start():
    flat = sines(sum(i * o + o for i, o in zip(SIZES, SIZES[1:])), 1.7, 0.6)
    layers, at = [], 0
    for i, o in zip(SIZES, SIZES[1:]):
        layers.append((flat[at : at + i * o].reshape(i, o).copy(), flat[at + i * o : at + i * o + o].copy()))
        at += i * o + o
    return layers


def activate(z, kind):
    if kind == "relu":
        return np.maximum(z, 0), (z > 0).astype(float)
    cdf = 0.5 * (1 + erf(z / math.sqrt(2)))
    return z * cdf, cdf + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def forward(layers, x, kind):
    kept = []
    for n, (w, b) in enumerate(layers):
        z = x @ w + b
        if n + 1 == len(layers):
            kept.append((x, None))
            return z[:, 0], kept
        a, slope = activate(z, kind)
        kept.append((x, slope))
        x = a


def loss_and_slope(p, y, weight, loss):
    d = p - y
    if loss == "mse":
        each, slope = d * d, 2 * d
    else:
        each = np.where(np.abs(d) < 1, 0.5 * d * d, np.abs(d) - 0.5)
        slope = np.clip(d, -1, 1)
    return (weight * each).sum() / weight.sum(), weight * slope / weight.sum()


def train(kind, loss, decay, rate, batches):
    layers = start()
    moments = [[np.zeros_like(p) for p in layer] + [np.zeros_like(p) for p in layer] for layer in layers]
    losses = []
    for step, (x, y, weight) in enumerate(batches, 1):
        p, kept = forward(layers, x, kind)
        value, delta = loss_and_slope(p, y, weight, loss)
        losses.append(value)
        delta = delta[:, None]
        gradients = []
        for n in reversed(range(len(layers))):
            x_in, _ = kept[n]
            gradients.insert(0, (x_in.T @ delta, delta.sum(0)))
            if n:
                delta = (delta @ layers[n][0].T) * kept[n - 1][1]
        for n, layer in enumerate(layers):
            for j in range(2):
                g = gradients[n][j] + decay * layer[j]
                m, v = moments[n][j], moments[n][2 + j]
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                layer[j][...] -= rate / (1 - 0.9**step) * m / (np.sqrt(v) / math.sqrt(1 - 0.999**step) + 1e-8)
    return losses, np.concatenate([np.concatenate([w.ravel(), b]) for w, b in layers])


def numbers(values):
    return "{" + ", ".join(f"{v:.9g}" for v in values) + "}"


if __name__ == "__main__":
    x = sines(ROWS * STEPS * SIZES[0], 2.3, 1.5).reshape(STEPS, ROWS, SIZES[0])
    y = sines(ROWS * STEPS, 0.9, 2.0).reshape(STEPS, ROWS)
    weight = 1 + np.abs(sines(ROWS * STEPS, 3.1, 0.9).reshape(STEPS, ROWS))
    weight = weight.astype(np.float32).astype(np.float64)
    print("// Made by tools/golden_nn.py; do not edit.\n#pragma once\n\n#include <vector>\n\n#include \"nn/network.h\"\n")
    print("namespace drst::golden {\n")
    print("struct Training {\n  Activation activation;\n  Loss loss;\n  double weight_decay, learning_rate;")
    print("  std::vector<double> losses;      // before each step")
    print("  std::vector<double> parameters;  // after the last: weights and bias, layer by layer")
    print("  std::vector<double> first_row;   // starting network: predictions of the first batch\n};\n")
    print("inline std::vector<Training> trainings() {\n  return {")
    for kind in ("relu", "gelu"):
        for loss, decay, rate in (("smooth_l1", 0.0, 1e-2), ("mse", 1e-2, 5e-3)):
            losses, parameters = train(kind, loss, decay, rate, list(zip(x, y, weight)))
            p, _ = forward(start(), x[0], kind)
            print(f"      {{Activation::{kind}, Loss::{loss}, {decay!r}, {rate!r},\n       {numbers(losses)},")
            print(f"       {numbers(parameters)},\n       {numbers(p)}}},")
    print("  };\n}\n\n}  // namespace drst::golden")
