#!/usr/bin/env python3
"""Fits the two polynomials behind the vector erf of src/nn/kernels_math.h and prints them. Run by hand: needs numpy and scipy.

|u| < 1:  erf(u) = u P(u^2); otherwise erf(u) = sign(u) (1 - exp(-u^2) Q(|u| - 1)), which is 1 in float32 from 4 on.
Minimax by Lawson's iteration: weighted least squares, weights multiplied by the error until it is level.
"""
import numpy as np
from scipy import special


def minimax(x, y, error_weight, degree, rounds=300):
    basis = np.vander(x, degree + 1, increasing=True)
    lawson = np.full(len(x), 1.0 / len(x))
    best, best_error = None, np.inf
    for _ in range(rounds):
        root = np.sqrt(lawson) * error_weight
        c = np.linalg.lstsq(basis * root[:, None], y * root, rcond=None)[0]
        error = np.abs(basis @ c - y) * error_weight
        if error.max() < best_error:
            best, best_error = c, error.max()
        lawson *= error + 1e-30
        lawson /= lawson.sum()
    return best, best_error


def show(name, c, error):
    print(f"{name}: error {error:.2e}")
    print("  {" + ", ".join(f"{v:.9e}F" for v in c.astype(np.float32)) + "}  // x^0 first")


if __name__ == "__main__":
    chebyshev = 0.5 * (1 - np.cos(np.pi * (np.arange(4000) + 0.5) / 4000))
    u = np.maximum(chebyshev, 1e-9)
    show("P", *minimax(u * u, special.erf(u) / u, np.ones_like(u), 6))
    t = 1 + 3 * chebyshev
    show("Q", *minimax(t - 1, special.erfcx(t), np.exp(-t * t), 7))
