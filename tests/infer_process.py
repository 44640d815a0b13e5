#!/usr/bin/env python3
"""What a consumer process costs: its private memory, and the time from its start to its first prediction.

infer_process.py [--rounds N]     needs DRST_DATA; prints the table of docs/figures.md, "Consumer process"

A real `drst infer` on an embedded log that holds 1500 records when it starts, with releases of `drst offline`. Memory: PSS less the
log's mapped pages, which belong to everybody who reads that log; where other DRST processes run, they share a part of the rest, so
private pages are given, too. Start: from just before the process is made to the first trace row's own time.
"""
import argparse
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from end_to_end import DRST, HERE, PERF


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def train(folder, family, seed=1):
    run(DRST, "offline", "--offline", f"{PERF}/combined.csv:head=1290", "--model", family, "--seed", str(seed), "--store", f"file:{folder}", "-q")


def make_live(store, other):
    """The live release of the store `other` becomes that of `store`, which passes the gate as its first one."""
    with open(f"{other}/models/latest.txt", encoding="utf-8") as pointer:
        keys = pointer.read().split()
    for key in keys:
        shutil.copy(f"{other}/{key}", f"{store}/{key}")
    shutil.copy(f"{other}/models/latest.txt", f"{store}/models/latest.txt")
    shutil.rmtree(f"{store}/models/audit")


def produce(log, store):
    # Lags as the models want them, labels inline.
    run(DRST, "produce", "--store", f"file:{store}", "--log", f"embedded:{log}", "--lags", "true", "--run-id", "r", "-q",
        "--stage", f"a={PERF}/combined.csv:tail=500", "--stage", f"b={PERF}/resource_stimulus_global_A-B-C_modified.csv:head=1000")


def memory(pid):
    """KiB: (PSS, private), both without the log's pages, and the log's PSS."""
    pss = private = of_log = 0
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as maps:
        for line in maps:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                is_log = line.rstrip().endswith("/data.mdb")
            elif line.startswith("Pss:"):
                kib = int(line.split()[1])
                of_log += kib if is_log else 0
                pss += 0 if is_log else kib
            elif line.startswith("Private_") and not is_log:
                private += int(line.split()[1])
    return pss, private, of_log


def trace_times(log):
    done = subprocess.run(["/usr/bin/python3", os.path.join(HERE, "read_log.py"), log, "--topic", "latencyTopic-trace"], capture_output=True,
                          text=True, check=True)
    return [json.loads(line)["timestamp_us"] * 1e-6 for line in done.stdout.splitlines()]


def measure(store, pristine, work, within=60):
    """One process on a copy of the log: (seconds to the first prediction, PSS, private and log's KiB when all is predicted)."""
    log = os.path.join(work, "log")
    shutil.rmtree(log, ignore_errors=True)
    shutil.copytree(pristine, log)
    # Another run than the log's: its sentinels do not end this consumer, which stays and can be looked at.
    command = [DRST, "infer", "--store", f"file:{store}", "--log", f"embedded:{log}", "--run-id", "none", "-q"]
    begin = time.time()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        cpu = None
        while time.time() < begin + within:  # until it has nothing more to do
            time.sleep(0.5)
            with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            now, cpu = cpu, int(fields[11]) + int(fields[12])
            if now == cpu and time.time() > begin + 2:
                break
        figures = memory(process.pid)
    finally:
        process.terminate()
        process.wait()
    return (min(trace_times(log)) - begin, *figures)


def cases(work):
    """Name -> store: networks; the mixture as it is until the first swap; two mixtures."""
    stores = {name: os.path.join(work, name.replace(" ", "-")) for name in ("mlp", "mixture", "two mixtures")}
    train(stores["mlp"], "mlp")
    train(stores["mixture"], "mixture")
    shutil.copytree(stores["mixture"], stores["two mixtures"])
    other = os.path.join(work, "other")
    train(other, "mixture", seed=2)
    make_live(stores["two mixtures"], other)
    log = os.path.join(work, "pristine")
    produce(log, stores["mlp"])
    return stores, log


def main():
    parser = argparse.ArgumentParser(description="memory and start of `drst infer`")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    if not glob.glob(f"{PERF}/*.csv"):
        sys.exit("infer_process: DRST_DATA does not name the folder of the real tables")
    with tempfile.TemporaryDirectory() as work:
        stores, log = cases(work)
        print("| models | first prediction, s: best | median | PSS less log, MiB | private, MiB | log's pages, MiB |")
        print("|---|--:|--:|--:|--:|--:|")
        for name, store in stores.items():
            found = [measure(store, log, work) for _ in range(args.rounds)]
            first, *sizes = ([row[i] for row in found] for i in range(4))
            print(f"| {name} | {min(first):.3f} | {statistics.median(first):.3f} | "
                  + " | ".join(f"{statistics.median(size) / 1024:.1f}" for size in sizes) + " |")


if __name__ == "__main__":
    main()
