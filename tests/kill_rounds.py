#!/usr/bin/env python3
"""Kills DRST's processes with SIGKILL at random moments, restarts them, and recounts.

Each component runs as a process of its own on one embedded log and one local store. A round is one kill -9 of a random
component at a random moment, followed by its restart. When a stream has ended, check_run.py recounts it; then the next stream
begins, until ROUNDS kills were made. The last component of a stream is killed a few times only: else it, alone and killed
before it has read the log, would take most of the rounds. Deterministic in its choices by --seed, not in its timing.
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--drst", required=True)
    parser.add_argument("--data", default=os.environ.get("DRST_DATA", ""))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=500, help="rows of each of the two stages of a stream")
    parser.add_argument("--rate", type=float, default=250)
    parser.add_argument("--limit", type=float, default=120, help="seconds a stream may take")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    perf = args.data if os.path.exists(os.path.join(args.data, "combined.csv")) else os.path.join(args.data, "perf")
    offline = os.path.join(perf, "combined.csv") + ":head=1290"
    stages = ["--stage", f"stage0={perf}/combined.csv:tail={args.rows}",
              "--stage", f"stage2={perf}/resource_stimulus_global_A-B-C_modified.csv:head={args.rows}"]
    if not os.path.exists(os.path.join(perf, "combined.csv")):
        print("kill_rounds: DRST_DATA does not name the folder of real measurements", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    settings = ["-q", "--set", "inference.idle_timeout_s=60", "--set", "stream.lags=true"]

    template = tempfile.mkdtemp(prefix="drst-kill-")
    subprocess.run([args.drst, "offline", "--offline", offline, "--store", f"file:{template}/store", "--model", "mlp", *settings],
                   check=True)
    kills = {}
    done = streams = 0
    while done < args.rounds:
        work = tempfile.mkdtemp(prefix="drst-kill-")
        shutil.copytree(f"{template}/store", f"{work}/store")
        where = ["--store", f"file:{work}/store", "--log", f"embedded:{work}/log", *settings]
        commands = {
            "produce": [args.drst, "produce", *stages, "--run-id", "kill", "--rate", str(args.rate), *where],
            "monitor": [args.drst, "monitor", "--run-id", "kill", *where],
            "retrain": [args.drst, "retrain", "--run-id", "kill", "--offline", offline, "--model", "mlp", *where],
            **{f"infer-{i}": [args.drst, "infer", "--run-id", "kill", "--member", f"infer-{i}", *where] for i in range(3)},
        }
        names = list(commands)
        rng.shuffle(names)  # any start order
        running = {name: subprocess.Popen(commands[name]) for name in names}
        finished = set()
        alone = 0
        begun = time.monotonic()
        while len(finished) < len(commands):
            if time.monotonic() - begun > args.limit:
                for process in running.values():
                    process.kill()
                sys.exit(f"kill_rounds: stream {streams} (seed {args.seed}) did not end: {sorted(set(commands) - finished)} in {work}")
            time.sleep(rng.uniform(0.01, 0.25))
            for name, process in list(running.items()):
                code = process.poll()
                if code is None:
                    continue
                if code != 0:
                    for other in running.values():
                        other.kill()
                    sys.exit(f"kill_rounds: {name} ended with {code} in {work}")
                finished.add(name)
                del running[name]
            alone += len(running) == 1
            if running and done < args.rounds and alone <= 3:
                name = rng.choice(sorted(running))
                running[name].send_signal(signal.SIGKILL)
                running[name].wait()
                done += 1
                kills[name] = kills.get(name, 0) + 1
                if rng.random() < 0.3:
                    time.sleep(rng.uniform(0, 0.4))
                running[name] = subprocess.Popen(commands[name])
        subprocess.run([args.drst, "report", *where, "--out", f"{work}/out"], check=True)
        check = subprocess.run([sys.executable, os.path.join(HERE, "check_run.py"), "--store", f"{work}/store", "--log",
                                f"{work}/log", "--summary", f"{work}/out/summary.json"])
        if check.returncode != 0:
            sys.exit(f"kill_rounds: the recount failed; the evidence is in {work}")
        shutil.rmtree(work)
        streams += 1
    shutil.rmtree(template)
    print(f"{done} kills over {streams} streams: " + ", ".join(f"{n} {c}" for n, c in sorted(kills.items())) +
          "; 0 lost, 0 counted twice, pointer valid")


if __name__ == "__main__":
    main()
