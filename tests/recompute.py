#!/usr/bin/env python3
"""Recomputes every prediction of a run from the raw counters on the log with onnxruntime and the releases that the trace names:
frozen, live and the lines' voices; the neighbours' voice from the labelled rows on <topic>-memory (formula: src/learn/neighbours.h);
then the adaptive one as the weighted median of the voices, with weights that the judge published on <topic>-experts.

Needs numpy, onnxruntime, lmdb and, for a log on Kafka, kafka-python (the environment that `make test` prepares). Fails if any differs
by more than 1e-5 relative (of the larger of the value and the median truth, as values near zero have no relative error to speak of).
"""
import argparse
import base64
import json
import os
import struct
import sys

import numpy as np
import onnxruntime

from check_run import listing


def median(voices, weights):
    """The least voice with half of the weight at or below it; NaN has no vote."""
    there = np.isfinite(voices)
    voices, weights = voices[there], weights[there]
    if len(voices) == 0:
        return np.nan
    order = np.argsort(voices, kind="stable")
    below = np.cumsum(weights[order])
    return voices[order][np.argmax(2 * below >= weights.sum())]


def field(number, content):
    """A protobuf field of bytes, or of a number."""
    def varint(value):
        out = b""
        while value >= 0x80:
            out += bytes([0x80 | value & 0x7F])
            value >>= 7
        return out + bytes([value])
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def open_model(path, values=()):
    """A session that also puts out these inner values: a second graph behind the first is merged into it, as protobuf says."""
    with open(path, "rb") as file:
        model = file.read()
    floats = field(2, field(1, field(1, 1)))  # ValueInfoProto.type.tensor_type.elem_type = FLOAT
    for value in values:
        model += field(7, field(12, field(1, value.encode()) + floats))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Neighbours:
    """src/learn/neighbours.h in double precision, standardised inputs and trees by onnxruntime."""

    def __init__(self, path, settings):
        meta = open_model(path).get_modelmeta().custom_metadata_map
        members = [meta[f"member{k}"] for k in range(int(meta.get("mixture_members", "0")))]
        names = [f"m{k}/" for k in range(len(members))] or [""]
        families = members or [meta["family"]]
        nets = [name for name, family in zip(names, families) if family in ("mlp", "ridge")]
        scaling = json.loads(meta.get("scaling") or "null")  # of trees alone
        self.scaling = scaling and {name: np.array(values, dtype=np.float64) for name, values in scaling.items()}
        self.usable = bool(nets or scaling)
        if not self.usable:
            return
        trees = [] if scaling else [k for k, family in enumerate(members) if family not in ("mlp", "ridge")]
        self.trees = [f"m{k}/prediction" for k in trees]
        self.ends = ["filled"] if scaling else [nets[0] + "standardised", nets[0] + "low", nets[0] + "high"]
        self.session = open_model(path, [*self.ends, *self.trees, *(f"weight{k}" for k in range(len(members)))])
        self.names = json.loads(meta["feature_names"])
        self.settings = settings
        relevance = np.array(json.loads(meta.get("relevance") or "[]"), dtype=np.float64)
        inputs = len(self.names)
        relevance = relevance if len(relevance) == inputs else np.ones(inputs)
        self.factor = np.sqrt(np.maximum(relevance, 0) / (inputs * 2 * settings["width"]))
        weights = [float(value) for value in self.run(np.zeros((1, inputs)), [f"weight{k}" for k in range(len(members))])]
        self.frozen_weight, self.tree_weights = 1.0, [0.0] * len(trees)
        share = sum(weights[k] for k in trees)
        if 0 < share < sum(weights):
            w, s = share / sum(weights), settings["tree_share"]
            self.frozen_weight = (1 - s) / (1 - w)
            self.tree_weights = [weights[k] / share * (s - self.frozen_weight * w) for k in trees]

    def run(self, raw, outputs):
        return self.session.run(outputs, {self.session.get_inputs()[0].name: np.asarray(raw, dtype=np.float32)}) if outputs else []

    def places(self, raw):
        values = [np.asarray(value, dtype=np.float64) for value in self.run(raw, self.ends)]
        z, low, high = self.standardised(values[0]) if self.scaling else values
        wide = self.settings["range_factor"]
        return np.clip(z, low * wide, high * wide) * self.factor

    def standardised(self, filled):
        """As a network with this scaling would."""
        of = self.scaling
        factor = of["log_factor"] if len(of["log_factor"]) else np.ones(filled.shape[1])
        x = np.where(of["log1p"] != 0, np.log((1 + np.maximum(filled, 0)) * factor), filled)
        far = np.full(filled.shape[1], np.inf)
        return [(x - of["shift"]) * of["scale"], *(of[end] if len(of[end]) else sign * far for end, sign in (("low", -1), ("high", 1)))]

    def base(self, raw, frozen):
        total = self.frozen_weight * np.log(np.asarray(frozen, dtype=np.float64))
        for weight, said in zip(self.tree_weights, self.run(raw, self.trees)):
            total = total + weight * np.log(np.maximum(said.reshape(-1).astype(np.float64), 1e-30))
        return total

    def remember(self, samples):
        """samples: (row, label, frozen, raw) in the order of their offsets."""
        if not samples:
            return
        self.rows = np.array([sample[0] for sample in samples])
        labels = np.array([sample[1] for sample in samples], dtype=np.float64)
        frozen = np.array([sample[2] for sample in samples], dtype=np.float64)
        raw = np.array([sample[3] for sample in samples], dtype=np.float32)
        self.kept = np.flatnonzero((labels > 0) & (frozen > 0) & np.isfinite(labels) & np.isfinite(frozen))
        self.at = self.places(raw)
        most = self.settings["most_residual"]
        with np.errstate(invalid="ignore", divide="ignore"):
            self.residuals = np.clip(np.log(labels) - self.base(raw, frozen), -most, most)

    def predict(self, offset, row, place, base):
        """With the newest of what lay before this offset of the memory topic: the least and the most that it may be. They
        differ only where the median hangs on a weight's last digits, which float32 does not keep."""
        known = self.kept[: np.searchsorted(self.kept, offset)][-int(self.settings["rows"]):]
        if len(known) == 0:
            return np.nan, np.nan
        distance = ((self.at[known] - place) ** 2).sum(axis=1)
        age = np.maximum(row - self.rows[known], 0)
        k = np.where(distance < 80, np.exp(-distance), 0)
        k = k * (1 + self.settings["recency"] * np.exp(-age / self.settings["recency_rows"]))
        ridge, share = self.settings["ridge"], self.settings["median_share"]
        total = k.sum() + ridge
        mean = (k * self.residuals[known]).sum() / total
        residuals, weights = np.append(self.residuals[known], 0), np.append(k, ridge)
        order = np.argsort(residuals, kind="stable")
        below = np.cumsum(weights[order])
        medians = [residuals[order][np.argmax(below >= total * (0.5 + digits))] for digits in (-1e-4, 1e-4)]
        return tuple(float(np.exp(base + share * median + (1 - share) * mean)) for median in medians)


def labelled_sample(record):
    value = base64.b64decode(record["value_base64"]) if "value_base64" in record else record["value"].encode()
    row, label, frozen, inputs = struct.unpack_from("<qffI", value, 4)
    assert value[:4] == b"DRM1" and len(value) == 24 + 4 * inputs
    return row, label, frozen, np.frombuffer(value, dtype="<f4", offset=24)


def weights_of(text):
    return tuple((name, float(weight)) for name, weight, *_ in (word.split(" ") for word in text.split(";")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--log", required=True, help="DIR or kafka://HOST:PORT")
    parser.add_argument("--topic", default="latencyTopic")
    parser.add_argument("--target", default="", help="a further target of the run")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()
    part = os.path.join(args.store, "targets", args.target) if args.target else args.store

    samples, memory, weighed = {}, [], {(("frozen", 1.0),)}  # the last: what is served when the judge is silent
    lane = f"{args.topic}-{args.target}" if args.target else args.topic
    for line in listing(args.log, args.topic, f"{lane}-memory", f"{lane}-experts"):
        record = json.loads(line)
        if record["topic"] == f"{lane}-memory":
            memory.append(labelled_sample(record))
        if record["topic"] == f"{lane}-experts":
            experts = json.loads(record["value"])["experts"][:8]
            weighed.add(tuple((expert["name"], expert["weight"]) for expert in experts))
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
            session = open_model(os.path.join(part, release))
            names = json.loads(session.get_modelmeta().custom_metadata_map["feature_names"])
            sessions[release] = (session, names)
        session, names = sessions[release]
        return session.run(None, {session.get_inputs()[0].name: raw_of(names, rows)})[0].reshape(-1)

    def raw_of(names, rows):
        return np.array([[features.get(name, np.nan) for name in names] for features in rows], dtype=np.float32)

    with open(os.path.join(part, "models", "baseline.txt"), encoding="utf-8") as file:
        baseline = file.read().split("\n")[0]
    worst, count, mixed, near, exact = 0.0, 0, 0, 0, 0
    with open(os.path.join(args.store, "results", "run.json"), encoding="utf-8") as file:
        settings = {key.split(".")[1]: float(value) for key, value in json.load(file)["settings"].items() if key.startswith("neighbours.")}
    neighbours = Neighbours(os.path.join(part, baseline), settings)
    if neighbours.usable:
        neighbours.remember(memory)
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
        neighbour_jobs = []
        for index, text in enumerate(trace["mixtures"]):
            members = [word.split(" ") for word in str(text).split(";")] if str(text) else []
            rows = np.flatnonzero(mixture == index)
            for k, member in enumerate(members):
                if len(member) == 3:
                    said = rows[np.isfinite(voices[rows, k])]
                    jobs.append((member[2], said, voices[:, k]))
                if member[0] == "neighbours":
                    said = rows[np.isfinite(voices[rows, k])]
                    near += len(said)
                    neighbour_jobs.append((said, k))
            if members and weights_of(str(text)) not in weighed:
                sys.exit(f"recompute: the judge has never published the weights '{text}'")
            weights = np.array([float(member[1]) for member in members])
            for row in rows:
                expected = median(voices[row, : len(weights)], weights) if members else trace["pred_live"][row]
                if not np.isfinite(expected):
                    expected = trace["pred_live"][row]
                if expected != trace["pred_adj"][row]:
                    sys.exit(f"recompute: {ids[row]} was predicted as {trace['pred_adj'][row]}, its voices give {expected}")
                mixed += 1
        for index, k in neighbour_jobs:
            if len(index) == 0:
                continue
            raw = raw_of(neighbours.names, [samples[ids[i]] for i in index])
            places, bases = neighbours.places(raw), neighbours.base(raw, trace["pred_orig"][index])
            expected = np.array([neighbours.predict(trace["memory_offset"][i], trace["row"][i], place, base)
                                 for i, place, base in zip(index, places, bases)])
            least, most = expected[:, 0], expected[:, 1]
            error = np.maximum(np.maximum(least - voices[index, k], voices[index, k] - most), 0) / np.maximum(np.abs(least), scale)
            exact += int((least == most).sum())
            worst, count = max(worst, float(error.max())), count + len(index)
        for release, index, predictions in jobs:
            if len(index) == 0:
                continue
            expected = predict(release, [samples[ids[i]] for i in index])
            error = np.abs(predictions[index] - expected) / np.maximum(np.abs(expected), scale)
            worst, count = max(worst, float(error.max())), count + len(index)
    if exact < 0.9 * near:
        sys.exit(f"recompute: only {exact} of the neighbours' {near} voices hang on no weight's last digits")
    print(f"{mixed} adaptive predictions are the weighted median of their voices, {near} of these the neighbours', from {len(memory)} rows")
    print(f"recomputed {count} predictions of {len(sessions)} releases in onnxruntime: largest relative difference {worst:.2e}")
    if not worst <= args.tolerance:
        sys.exit(f"recompute: {worst:.2e} is more than {args.tolerance}")


if __name__ == "__main__":
    main()
