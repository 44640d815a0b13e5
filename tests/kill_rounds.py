#!/usr/bin/env python3
"""Kills DRST's processes with SIGKILL at random moments, restarts them, and recounts.

Each component runs as a process of its own: on one embedded log and one local store, or with --servers on a real Kafka and a real S3
service, which are killed, too, and an uploader beside. A round is one kill -9 of a random one of them at a random moment, followed by
its restart. When a stream has ended, check_run.py recounts it; then the next stream begins, until ROUNDS kills were made. The last
component of a stream is killed a few times only: else it, alone and killed before it has read the log, would take most of the rounds.
While a stream runs, the pointer is read again and again and must name a whole release. Deterministic in its choices by --seed, not in
its timing.
"""
import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Folders:
    """An embedded log and a local store, made anew for each stream from a trained template."""
    killable = {}

    def __init__(self, args, offline):
        self.drst = args.drst
        self.template = tempfile.mkdtemp(prefix="drst-kill-")
        subprocess.run([args.drst, "offline", "--offline", offline, "--store", f"file:{self.template}/store", "--model", "mlp", "-q"],
                       check=True)
        self.work = None

    def begin(self):
        self.work = tempfile.mkdtemp(prefix="drst-kill-")
        shutil.copytree(f"{self.template}/store", f"{self.work}/store")
        self.objects = self.store = f"{self.work}/store"
        self.log = f"{self.work}/log"
        return self.work

    def where(self, _):
        return ["--store", f"file:{self.store}", "--log", f"embedded:{self.log}"]

    environment = None
    uploaders = {}

    def settle(self):
        """All that was written is in `objects`."""

    def close(self):
        shutil.rmtree(self.template)


class Servers:
    """A Kafka and an S3 service, which live on from stream to stream, and two machines with a spool each."""

    def __init__(self, args, offline):
        import services  # pylint: disable=import-outside-toplevel  # not needed for folders
        import services_s3  # pylint: disable=import-outside-toplevel
        self.drst, self.offline = args.drst, offline
        self.root = tempfile.mkdtemp(prefix="drst-kill-")
        self.stack = contextlib.ExitStack()
        self.kafka = self.stack.enter_context(services.start_kafka(f"{self.root}/kafka"))
        self.s3 = self.stack.enter_context(services_s3.Versitygw(f"{self.root}/s3"))
        self.killable = {"broker": self.kafka, "store": self.s3}
        self.environment = {**self.s3.environment(), "AWS_ENDPOINT_URL_S3": self.s3.endpoint()}
        self.log = f"kafka://{self.kafka.bootstrap}"
        self.streams = 0

    def begin(self):
        self.streams += 1
        self.work = f"{self.root}/{self.streams}"
        os.makedirs(self.work)
        self.s3.make_bucket(f"chain{self.streams}")
        self.objects = os.path.join(self.s3.data, f"chain{self.streams}")
        subprocess.run([self.drst, "offline", "--offline", self.offline, "--model", "mlp", "-q", *self.on_store("core")], check=True,
                       env=self.environment)
        return self.work

    def on_store(self, machine):
        return ["--store", f"s3://chain{self.streams}", "--set", f"store.spool={self.work}/{machine}"]

    def where(self, name):
        machine = "edge" if name.startswith("infer") else "core"
        # Whoever starts while the broker is killed and started again waits for it.
        return [*self.on_store(machine), "--log", self.log, "--set", f"stream.topic=chain{self.streams}", "--set", "kafka.connect_timeout_s=60"]

    @property
    def uploaders(self):
        return {f"uploader-{machine}": [self.drst, "store", "sync", "--follow", "-q", *self.on_store(machine)]
                for machine in ("edge", "core")}

    def settle(self):
        for machine in ("edge", "core"):
            subprocess.run([self.drst, "store", "flush", "-q", *self.on_store(machine)], check=True, env=self.environment)

    def close(self):
        self.stack.close()
        shutil.rmtree(self.root)


def pointer_fault(objects):
    """What is wrong with what the pointer names, as it lies on disk now; None: it is whole, or there is none yet."""
    try:
        with open(os.path.join(objects, "models", "latest.txt"), encoding="utf-8") as pointer:
            model, metrics = pointer.read().split("\n")[:2]
    except FileNotFoundError:
        return None
    try:
        with open(os.path.join(objects, metrics), encoding="utf-8") as file:
            info = json.load(file)
        with open(os.path.join(objects, model), "rb") as file:
            content = file.read()
    except (OSError, ValueError) as error:
        return str(error)
    return None if hashlib.sha256(content).hexdigest() == info["sha256"] else f"{model} is not what {metrics} says"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--drst", required=True)
    parser.add_argument("--data", default=os.environ.get("DRST_DATA", ""))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=500, help="rows of each of the two stages of a stream")
    parser.add_argument("--rate", type=float, default=250)
    parser.add_argument("--limit", type=float, default=180, help="seconds a stream may take")
    parser.add_argument("--servers", action="store_true", help="on Kafka and S3")
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

    place = (Servers if args.servers else Folders)(args, offline)
    kills = {}
    done = streams = looks = 0
    while done < args.rounds:
        work = place.begin()
        plain = {
            "produce": ["produce", *stages, "--run-id", "kill", "--rate", str(args.rate)],
            "monitor": ["monitor", "--run-id", "kill"],
            "retrain": ["retrain", "--run-id", "kill", "--offline", offline, "--model", "mlp"],
            **{f"infer-{i}": ["infer", "--run-id", "kill", "--member", f"infer-{i}"] for i in range(3)},
        }
        commands = {name: [args.drst, *command, *place.where(name), *settings] for name, command in plain.items()}
        commands.update(place.uploaders)
        endless = set(place.uploaders)

        def start(name):
            return subprocess.Popen(commands[name], env=place.environment)  # pylint: disable=cell-var-from-loop

        names = list(commands)
        rng.shuffle(names)  # any start order
        running = {name: start(name) for name in names}
        finished = set()
        alone = 0
        begun = time.monotonic()
        try:
            while set(running) - endless:
                if time.monotonic() - begun > args.limit:
                    sys.exit(f"kill_rounds: stream {streams} (seed {args.seed}) did not end: {sorted(set(running) - endless)} in {work}")
                time.sleep(rng.uniform(0.01, 0.25))
                if not args.servers or place.s3.process is not None:
                    looks += 1
                    fault = pointer_fault(place.objects)
                    if fault:
                        sys.exit(f"kill_rounds: the pointer is not valid: {fault} in {work}")
                for name, process in list(running.items()):
                    code = process.poll()
                    if code is None:
                        continue
                    if code != 0:
                        sys.exit(f"kill_rounds: {name} ended with {code} in {work}")
                    finished.add(name)
                    del running[name]
                alone += len(set(running) - endless) == 1
                if set(running) - endless and done < args.rounds and alone <= 3:
                    name = rng.choice(sorted(running) + sorted(place.killable))
                    done += 1
                    kills[name] = kills.get(name, 0) + 1
                    if name in place.killable:
                        place.killable[name].kill()
                        time.sleep(rng.uniform(0, 1))
                        place.killable[name].start()
                        continue
                    running[name].send_signal(signal.SIGKILL)
                    running[name].wait()
                    if rng.random() < 0.3:
                        time.sleep(rng.uniform(0, 0.4))
                    running[name] = start(name)
        finally:
            for process in running.values():
                process.kill()
                process.wait()
        place.settle()
        subprocess.run([args.drst, "report", *place.where("report"), *settings, "--out", f"{work}/out"], check=True, env=place.environment)
        topic = ["--topic", f"chain{streams + 1}"] if args.servers else []
        check = subprocess.run([sys.executable, os.path.join(HERE, "check_run.py"), "--store", place.objects, "--log", place.log,
                                "--summary", f"{work}/out/summary.json", *topic], check=False)
        fault = pointer_fault(place.objects)
        if check.returncode != 0 or fault:
            sys.exit(f"kill_rounds: the recount failed ({fault}); the evidence is in {work}")
        shutil.rmtree(work)
        streams += 1
    place.close()
    print(f"{done} kills over {streams} streams: " + ", ".join(f"{n} {c}" for n, c in sorted(kills.items())) +
          f"; 0 lost, 0 counted twice, pointer valid at each of {looks} looks")


if __name__ == "__main__":
    main()
