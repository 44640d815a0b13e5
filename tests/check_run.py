#!/usr/bin/env python3
"""Recounts a run independently of DRST's own code: numpy for the traces and the truth, read_log.py (python3-lmdb) for an embedded
log, read_kafka.py (kafka-python) for Kafka.

check_run.py --store DIR [--log DIR|kafka://HOST:PORT] [--summary summary.json] [--topic latencyTopic] [--target KPI]
Prints one line of figures; exits 1 and says what is wrong if anything was lost, counted twice, or does not add up.
"""
import argparse
import collections
import glob
import hashlib
import json
import os
import subprocess
import sys

import numpy as np


def fail(message):
    print("check_run: " + message, file=sys.stderr)
    sys.exit(1)


def listing(log, *topics):
    """The log's records as JSON lines."""
    here = os.path.dirname(os.path.abspath(__file__))
    if log.startswith("kafka://"):
        command = [os.environ.get("DRST_PYTHON", sys.executable), os.path.join(here, "read_kafka.py"), log]
        for topic in topics:
            command += ["--topic", topic]
    else:
        command = [sys.executable, os.path.join(here, "read_log.py"), log]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--log")
    parser.add_argument("--summary")
    parser.add_argument("--topic", default="latencyTopic")
    parser.add_argument("--target", default="", help="a further target of the run")
    args = parser.parse_args()
    part = os.path.join(args.store, "targets", args.target) if args.target else args.store
    dead_topic = args.topic + ("-" + args.target if args.target else "") + "-dead"

    truth = np.load(os.path.join(args.store, "results", "truth.npz"))
    wanted = [str(i) for i in truth["id"]]
    if len(set(wanted)) != len(wanted):
        fail("truth.npz names an id twice")

    predicted = collections.Counter()
    places = collections.Counter()
    finite = True
    for path in sorted(glob.glob(os.path.join(part, "results", "*_inference_trace.npz"))):
        trace = np.load(path)
        predicted.update(str(i) for i in trace["id"])
        places.update(zip(trace["partition"].tolist(), trace["offset"].tolist()))
        finite = finite and bool(np.isfinite(trace["pred_orig"]).all() and np.isfinite(trace["pred_adj"]).all())
    twice = [i for i, n in predicted.items() if n > 1] + [p for p, n in places.items() if n > 1]
    if twice:
        fail(f"{len(twice)} predictions counted twice, e.g. {twice[0]}")
    if not finite:
        fail("a prediction is not finite")

    dead = set()
    on_log = None
    if args.log:
        on_log = collections.Counter()
        sentinels = collections.Counter()
        for line in listing(args.log, args.topic, dead_topic):
            record = json.loads(line)
            headers = dict(map(tuple, record["headers"])) if isinstance(record["headers"], list) else record["headers"]
            if record["topic"] == args.topic:
                if headers.get("drst-sentinel") == "1":
                    sentinels[record["partition"]] += 1
                    continue
                try:
                    on_log[json.loads(record["value"])["id"]] += 1
                except (ValueError, KeyError, TypeError):
                    on_log[(record["partition"], record["offset"])] += 1
            elif record["topic"] == dead_topic:
                dead.add((headers.get("drst-partition"), headers.get("drst-offset")))
        if any(n > 1 for n in sentinels.values()):
            fail("a partition has more than one sentinel of the run")
        repeats = [i for i, n in on_log.items() if n > 1]
        if repeats:
            fail(f"{len(repeats)} ids are on the topic twice, e.g. {repeats[0]}")
        if set(on_log) != set(wanted):
            fail(f"the topic holds {len(on_log)} records, the truth {len(wanted)}")

    missing = set(wanted) - set(predicted)
    if len(missing) != len(dead):
        fail(f"{len(missing)} records without a prediction, but {len(dead)} dead letters; e.g. {sorted(missing)[:1]}")
    if set(predicted) - set(wanted):
        fail("a prediction for an id that was never produced")

    with open(os.path.join(part, "models", "latest.txt"), encoding="utf-8") as pointer:
        keys = pointer.read().split("\n")
    with open(os.path.join(part, keys[1]), encoding="utf-8") as metrics:
        info = json.load(metrics)
    with open(os.path.join(part, keys[0]), "rb") as model:
        content = model.read()
    if hashlib.sha256(content).hexdigest() != info["sha256"] or len(content) != info["size"]:
        fail("the pointer names a model that differs from its metrics")

    if args.summary:
        with open(args.summary, encoding="utf-8") as file:
            summary = json.load(file)
        records = (summary["targets"][args.target] if args.target else summary)["records"]
        expected = {"produced": len(wanted), "predicted": len(predicted), "dead_lettered": len(dead), "lost": 0}
        for name, value in expected.items():
            if records[name] != value:
                fail(f"summary.json says {name} = {records[name]}, counted {value}")
    print(f"produced {len(wanted)} predicted {len(predicted)} dead {len(dead)} lost 0 twice 0")


if __name__ == "__main__":
    main()
