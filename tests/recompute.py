#!/usr/bin/env python3
"""Recomputes every prediction of a run from the raw counters on the log with onnxruntime and the releases that the trace names:
frozen, live and the lines' voices; then the adaptive one as the weighted median of the voices that the trace holds.

Needs numpy, onnxruntime and lmdb (the environment that `make test` prepares). Fails if any differs by more than 1e-5 relative
(of the larger of the value and the median truth, as values near zero have no relative error to speak of).
"""
import argparse
import json
import os
import subprocess
import sys

import numpy as np
import onnxruntime


def median(voices, weights):
    """The least voice with half of the weight at or below it; NaN has no vote."""
    there = np.isfinite(voices)
    voices, weights = voices[there], weights[there]
    if len(voices) == 0:
        return np.nan
    order = np.argsort(voices, kind="stable")
    below = np.cumsum(weights[order])
    return voices[order][np.argmax(2 * below >= weights.sum())]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--topic", default="latencyTopic")
    parser.add_argument("--target", default="", help="a further target of the run")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()
    part = os.path.join(args.store, "targets", args.target) if args.target else args.store

    samples = {}
    listing = subprocess.run([sys.executable, os.path.join(here, "read_log.py"), args.log], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        record = json.loads(line)
        if record["topic"] != args.topic:
            continue
        try:
            value = json.loads(record["value"])
        except ValueError:
            continue
        samples[value["id"]] = value["features"]

    sessions = {}

    def predict(release, rows):
        if release not in sessions:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            session = onnxruntime.InferenceSession(os.path.join(part, release), options, providers=["CPUExecutionProvider"])
            names = json.loads(session.get_modelmeta().custom_metadata_map["feature_names"])
            sessions[release] = (session, names)
        session, names = sessions[release]
        raw = np.array([[features.get(name, np.nan) for name in names] for features in rows], dtype=np.float32)
        return session.run(None, {session.get_inputs()[0].name: raw})[0].reshape(-1)

    with open(os.path.join(part, "models", "baseline.txt"), encoding="utf-8") as file:
        baseline = file.read().split("\n")[0]
    worst, count, mixed = 0.0, 0, 0
    folder = os.path.join(part, "results")
    truth = np.load(os.path.join(args.store, "results", "truth.npz"))["label" + ("_" + args.target if args.target else "")]
    scale = float(np.nanmedian(np.abs(truth)))
    for name in sorted(os.listdir(folder)):
        if not name.endswith("_inference_trace.npz"):
            continue
        trace = np.load(os.path.join(folder, name))
        ids = [str(i) for i in trace["id"]]
        releases = np.array([str(r) for r in trace["releases"]])[trace["release"]]
        jobs = [(baseline, np.arange(len(ids)), trace["pred_orig"])]
        jobs += [(release, np.flatnonzero(releases == release), trace["pred_live"]) for release in sorted(set(releases))]
        voices, mixture = trace["voices"], trace["mixture"]
        for index, text in enumerate(trace["mixtures"]):
            members = [word.split(" ") for word in str(text).split(";")] if str(text) else []
            rows = np.flatnonzero(mixture == index)
            for k, member in enumerate(members):
                if len(member) == 3:
                    said = rows[np.isfinite(voices[rows, k])]
                    jobs.append((member[2], said, voices[:, k]))
            weights = np.array([float(member[1]) for member in members])
            for row in rows:
                expected = median(voices[row, : len(weights)], weights) if members else trace["pred_live"][row]
                if not np.isfinite(expected):
                    expected = trace["pred_live"][row]
                if expected != trace["pred_adj"][row]:
                    sys.exit(f"recompute: {ids[row]} was predicted as {trace['pred_adj'][row]}, its voices give {expected}")
                mixed += 1
        for release, index, predictions in jobs:
            if len(index) == 0:
                continue
            expected = predict(release, [samples[ids[i]] for i in index])
            error = np.abs(predictions[index] - expected) / np.maximum(np.abs(expected), scale)
            worst, count = max(worst, float(error.max())), count + len(index)
    print(f"{mixed} adaptive predictions are the weighted median of their voices")
    print(f"recomputed {count} predictions of {len(sessions)} releases in onnxruntime: largest relative difference {worst:.2e}")
    if not worst <= args.tolerance:
        sys.exit(f"recompute: {worst:.2e} is more than {args.tolerance}")


if __name__ == "__main__":
    main()
