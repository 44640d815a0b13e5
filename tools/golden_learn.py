#!/usr/bin/env python3
"""Golden values of src/learn/metrics_test.cpp, by numpy. Run by hand: python3 tools/golden_learn.py"""
import numpy as np

truth = np.array([100.0, 250.0, -40.0, 1000.0, 5.0, 60.0, 0.0, 900.0, 75.0, 310.0, 42.0])
predicted = np.array([110.0, 200.0, -52.0, 1000.0, 9.0, 55.0, 1e-7, 540.0, 91.0, 372.0, 42.5])
error = np.abs(predicted - truth) / np.maximum(np.abs(truth), 1e-6)
print("acc", [float(np.mean(error <= t)) for t in (0.15, 0.2, 0.25)])
print("mae", float(np.mean(np.abs(predicted - truth))))
print("rmse", float(np.sqrt(np.mean((predicted - truth) ** 2))))
print("quantiles", np.quantile(error, [0.5, 0.8, 0.9, 0.95, 0.99]).tolist())
print("bounded", float(np.mean(np.minimum(error, 1))))
