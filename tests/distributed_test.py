#!/usr/bin/env python3
"""DRST past one machine: Kafka as the log, an S3 service as the store, each component a process of its own.

Starts its own broker and service (services.py, services_s3.py). Needs DRST, DRST_DATA, and DRST_PYTHON's environment (numpy,
onnxruntime, kafka-python). DRST_OUTAGE_S: how long the broker is away (10). Ends with 77 where Java or Maven are not installed or there are no real tables (not in CI, where that is a
failure).
"""
import base64
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

import service_tools
import services
import services_s3
from end_to_end import DRST, HERE, PERF, Temporary, by_row, data_with_an_unusable_record, drst, read, traces

PYTHON = os.environ.get("DRST_PYTHON", os.path.join(services.CACHE, "venv", "bin", "python"))
OFFLINE = f"{PERF}/combined.csv:head=600"
CALM = f"{PERF}/combined.csv:tail=300"
BUSY = f"{PERF}/resource_stimulus_global_A-B-C_modified.csv:head=300"
OUTAGE_S = float(os.environ.get("DRST_OUTAGE_S", "10"))
WORK = tempfile.mkdtemp(prefix="drst-distributed-")
SERVERS = {}
STATE = {"chains": 0}


def kafka():
    """The broker that most tests share; each takes topics of its own."""
    if "kafka" not in SERVERS:
        SERVERS["kafka"] = services.start_kafka(os.path.join(WORK, "kafka"))
    return SERVERS["kafka"]


def s3():
    """The service that most tests share; each takes a bucket of its own."""
    if "s3" not in SERVERS:
        SERVERS["s3"] = services_s3.Versitygw(os.path.join(WORK, "s3")).start()
    return SERVERS["s3"]


class Distributed(Temporary):
    """A bucket and a topic of its own, and the commands on both: consumers on one machine (its spool), the others on another."""

    model = "ridge"
    tables = ["--offline", OFFLINE]
    stages = ["--stage", f"calm={CALM}", "--stage", f"busy={BUSY}"]

    def setUp(self):
        super().setUp()
        STATE["chains"] += 1
        self.topic = self.bucket = f"chain{STATE['chains']}"
        self.running = []
        self.addCleanup(self.end_all)
        self.use(kafka(), s3())

    def use(self, broker, service):
        self.broker, self.service = broker, service
        self.log = f"kafka://{broker.bootstrap}"
        service.make_bucket(self.bucket)
        self.objects = os.path.join(service.data, self.bucket)
        self.environment = {**service.environment(), "AWS_ENDPOINT_URL_S3": service.endpoint()}
        self.settings = ["s3.retries=1", "s3.backoff_s=0.05", "store.retry_s=0.1", "store.retry_limit_s=0.5", "inference.poll_interval_s=0.1"]

    def end_all(self):
        for process in self.running:
            process.kill()
            process.communicate()

    def command(self, name, *more, settings=(), machine=None):
        machine = machine or ("edge" if name == "infer" else "core")
        tables = {"offline": [*self.tables, "--model", self.model], "retrain": [*self.tables, "--model", self.model]}
        log = [] if name in ("offline", "store", "models") else ["--log", self.log, f"--set=stream.topic={self.topic}"]
        words = [name, *more] if name in ("store", "models") else [name, *tables.get(name, []), *more]
        return [DRST, *words, "--store", f"s3://{self.bucket}", f"--set=store.spool={self.path(machine)}", *log,
                *[f"--set={s}" for s in [*self.settings, *settings]]]

    def call(self, name, *more, expect=0, within=120, **options):
        done = subprocess.run(self.command(name, *more, **options), capture_output=True, text=True, env=self.environment, check=False,
                              timeout=within)
        self.assertEqual(done.returncode, expect, (done.args, done.stderr[-3000:]))
        return done

    def start(self, name, *more, **options):
        process = subprocess.Popen(self.command(name, *more, **options), stderr=subprocess.PIPE, text=True, env=self.environment)
        self.running.append(process)
        return process

    def ended(self, process, code=0, within=120):
        try:
            _, stderr = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            self.fail(f"did not end within {within} s: {process.args}")
        self.running.remove(process)
        self.assertEqual(process.returncode, code, (process.args, stderr[-3000:]))
        return stderr

    def start_chain(self, *stages, rate=200, consumers=3, **options):
        """Every component in the order of a seed; with quick families offline has been before. Options: of command()."""
        parts = {"monitor": ["monitor"], "retrain": ["retrain"], "produce": ["produce", *(stages or self.stages), "--rate", str(rate), "--lags", "true"],
                 **{f"infer-{i}": ["infer", "--member", f"infer-{i}"] for i in range(consumers)}}
        parts = {name: [*words, "--run-id", "one"] for name, words in parts.items()}
        if self.model == "mlp":
            parts["offline"] = ["offline"]
        else:
            self.call("offline", **options)
        names = sorted(parts)
        random.Random(self.topic).shuffle(names)
        return {name: self.start(*parts[name], **options) for name in names}

    def wait_until(self, what, condition, within=60):
        deadline = time.monotonic() + within
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waited in vain for: {what}")
            time.sleep(0.02)

    def predicted(self):
        """Whether a prediction is on the log."""
        done = subprocess.run(["kcat", "-b", self.broker.bootstrap, "-Q", "-t", f"{self.topic}-trace:0:-1"], capture_output=True, text=True,
                              check=False, timeout=60)
        return done.returncode == 0 and int(done.stdout.split()[-1]) > 0

    def settle(self):
        for machine in ("core", "edge"):
            self.call("store", "flush", machine=machine)

    def check(self):
        """Recounts on the service's own files and returns the summary."""
        self.settle()
        self.call("report", "--out", self.path("out"))
        self.settle()
        subprocess.run([sys.executable, f"{HERE}/check_run.py", "--store", self.objects, "--log", self.log, "--topic", self.topic, "--summary",
                        self.path("out", "summary.json")], check=True, env={**os.environ, "DRST_PYTHON": PYTHON})
        return json.loads(read(self.path("out", "summary.json")))

    def recompute(self):
        """Each prediction once more, by onnxruntime, with the releases that the bucket holds."""
        done = subprocess.run([PYTHON, f"{HERE}/recompute.py", "--store", self.objects, "--log", self.log, "--topic", self.topic],
                              capture_output=True, text=True, check=False, env={**os.environ, "DRST_PYTHON": PYTHON})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print(done.stdout.strip())


class Loop(Distributed):
    model = "mlp"

    def test_the_embedded_loop_on_servers(self):
        data = data_with_an_unusable_record(self.path("data"))
        self.tables = ["--data", data, "--seed", "7"]
        drst("run", "--data", data, "--seed", "7", "--model", "mlp", "--out", self.path("embedded"), "-q", "--no-report")
        embedded = json.loads(read(self.path("embedded", "summary.json")))
        for process in self.start_chain("--data", data, "--seed", "7", rate=60).values():
            self.ended(process)
        summary = self.check()
        self.assertEqual(summary["records"], embedded["records"])
        mine, theirs = by_row(traces(self.path("embedded", "store"))), by_row(traces(self.objects))
        self.assertEqual(mine.keys(), theirs.keys())
        self.assertEqual([r for r in mine if mine[r][0] != theirs[r][0]], [], "baseline predictions must be equal to the bit")
        self.recompute()
        self.assertGreater(len({row[2] for row in theirs.values()}), 1, "no release was swapped in under the stream")
        ours, others = summary["overall"]["adaptive"]["acc@0.2"], embedded["overall"]["adaptive"]["acc@0.2"]
        print(f"on Kafka and S3: adaptive acc@0.2 {ours:.4f}, difference to the embedded run {ours - others:+.4f}")
        self.assertLess(abs(ours - others), 0.02)


class Python(Distributed):
    """Clients in the research prototype's formats, and other readers of the bucket."""

    def client(self, what, *more):
        done = subprocess.run([PYTHON, f"{HERE}/prototype_client.py", what, self.broker.bootstrap, *more, "--topic", self.topic],
                              capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def topic_records(self, topic):
        listing = subprocess.run([PYTHON, f"{HERE}/read_kafka.py", self.log, "--topic", topic], check=True, capture_output=True, text=True)
        return [json.loads(line) for line in listing.stdout.splitlines()]

    def predictions(self):
        """Baseline prediction by partition and offset, from the topic of traces (bytes: src/inference/trace.h)."""
        found = {}
        for record in self.topic_records(f"{self.topic}-trace"):
            value = base64.b64decode(record["value_base64"]) if "value_base64" in record else record["value"].encode()
            magic, count, names = struct.unpack_from("<4sIH", value)
            self.assertEqual(magic, b"DRT2")
            at = 10
            for _ in range(names):
                at += 2 + struct.unpack_from("<H", value, at)[0]
            for _ in range(count):
                status, *_, partition, offset, _, _, _, _, baseline, _, _, _, voices = struct.unpack_from("<B3HiqqqqffffIB", value, at)
                at += struct.calcsize("<B3HiqqqqffffIB") + 4 * voices
                at += 2 + struct.unpack_from("<H", value, at)[0]
                self.assertEqual(status, 0)
                self.assertNotIn((partition, offset), found)
                found[partition, offset] = baseline
            self.assertEqual(at, len(value))
        return found

    def samples(self):
        """Run and value of every record on the topic, by partition and offset."""
        found = {}
        for record in self.topic_records(self.topic):
            headers = dict(record["headers"])
            if "drst-sentinel" not in headers:
                found[record["partition"], record["offset"]] = (headers["run_id"], json.loads(record["value"]))
        return found

    def test_a_prototype_producer_is_predicted_whole(self):
        """Beside our own producer's stream of the same rows, which must give the same predictions."""
        self.call("offline")
        table = f"{PERF}/resource_stimulus_global_A-B-C_modified.csv"
        ours = self.start("infer", "--member", "infer-ours", "--run-id", "ours")
        self.call("produce", "--stage", f"a={table}:head=300", "--run-id", "ours")
        self.ended(ours)
        consumers = [self.start("infer", "--member", f"infer-{i}", "--run-id", "theirs") for i in range(2)]
        self.assertEqual(int(self.client("produce", table, "--run-id", "theirs", "--rows", "300")), 300)
        for consumer in consumers:
            self.ended(consumer)
        rows = self.predictions()
        by_run = {"ours": {}, "theirs": {}}
        for place, (run, value) in self.samples().items():
            by_run[run][place] = value
        self.assertEqual({run: len(records) for run, records in by_run.items()}, {"ours": 300, "theirs": 300})
        self.assertEqual(set(rows), set(by_run["ours"]) | set(by_run["theirs"]))
        samples = {int(value["id"].rsplit("-", 1)[1]): rows[place] for place, value in by_run["ours"].items()}
        seen = {}
        for partition, offset in sorted(by_run["theirs"]):
            row = seen.setdefault(partition, partition)  # round robin: row = 3 k + partition
            seen[partition] += 3
            self.assertNotIn("id", by_run["theirs"][partition, offset])
            self.assertEqual(rows[partition, offset], samples[row], (partition, offset, row))
        self.assertGreater(len(set(samples.values())), 200)
        self.report_on_theirs(table)

    def report_on_theirs(self, table):
        """What can be told of a run that left no truth: its own labels, beside our report of the same rows."""
        self.settle()
        told = self.call("report", "--run-id", "theirs", "--out", self.path("theirs")).stderr
        self.assertIn("run theirs was not made by `drst produce`", told)
        self.assertIn("300 of 300 records", told)
        self.call("report", "--run-id", "ours", "--out", self.path("ours"))
        theirs, ours = (json.loads(read(self.path(run, "summary.json"))) for run in ("theirs", "ours"))
        self.assertEqual({name: theirs["records"][name] for name in ("produced", "predicted", "lost")},
                         {"produced": 300, "predicted": 300, "lost": 0})
        self.assertAlmostEqual(theirs["overall"]["baseline"]["acc@0.2"], ours["overall"]["baseline"]["acc@0.2"])
        self.assertIn("was not made by", read(self.path("theirs", "report.html")))
        self.call("report", "--run-id", "nobodys", "--out", self.path("none"), expect=3)

    def test_other_readers_of_the_bucket(self):
        """numpy reads every array, onnxruntime every release, from the service's own files."""
        self.model = "mlp"
        for process in self.start_chain(rate=300).values():
            self.ended(process)
        self.check()
        arrays = [name for name in os.listdir(f"{self.objects}/results") if name.endswith(".npz")]
        self.assertIn("truth.npz", arrays)
        consumers = [name.removesuffix("_inference_trace.npz") for name in arrays if name.endswith("_inference_trace.npz")]
        for name in arrays:
            os.makedirs(self.path("numpy", name))
            done = subprocess.run([PYTHON, f"{HERE}/numpy_check.py", f"{self.objects}/results/{name}", self.path("numpy", name)],
                                  capture_output=True, text=True, check=True)
            self.assertIn(" <U", done.stdout, name)  # the ids
        samples = {value["id"]: value["features"] for _, value in self.samples().values()}
        self.lay_out(consumers[0], samples)
        done = subprocess.run([PYTHON, f"{HERE}/onnx_check.py", self.path("onnx")], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreaterEqual(done.stdout.count("largest difference"), 2, done.stdout)  # at once, and row by row
        self.recompute()

    def lay_out(self, consumer, samples):
        """The releases that served this consumer's rows, beside their inputs and what was predicted, as onnx_check.py wants it."""
        trace = np.load(f"{self.objects}/results/{consumer}_inference_trace.npz")
        os.makedirs(self.path("onnx"))
        for number, release in enumerate(trace["releases"].tolist()):
            rows = np.flatnonzero(trace["release"] == number)
            if len(rows) == 0:
                continue
            names = json.loads(read(f"{self.objects}/{release}".replace("/model_", "/metrics_").replace(".onnx", ".json")))["inputs"]
            inputs = [[samples[str(trace["id"][row])].get(name, np.nan) for name in names] for row in rows]
            base = self.path("onnx", os.path.basename(release).removesuffix(".onnx"))
            shutil.copy(f"{self.objects}/{release}", f"{base}.onnx")
            np.save(f"{base}.inputs.npy", np.array(inputs, dtype=np.float32))
            np.save(f"{base}.expected.npy", trace["pred_live"][rows])

    def test_a_prototype_consumer_finds_every_record(self):
        for lags in ("false", "true"):
            run = f"lags-{lags}"
            self.call("produce", *self.stages, "--lags", lags, "--run-id", run)
            found = [json.loads(line) for line in self.client("consume", "--run-id", run).splitlines()]
            self.settle()
            truth = np.load(f"{self.objects}/results/truth.npz")
            wanted = {(p, o): label for p, o, label in zip(truth["partition"].tolist(), truth["offset"].tolist(), truth["label"].tolist())}
            self.assertEqual(len(wanted), 600)
            self.assertEqual([(r["partition"], r["offset"]) for r in sorted(found, key=lambda r: (r["partition"], r["offset"]))], sorted(wanted))
            for record in found:
                self.assertEqual(record["label"], wanted[record["partition"], record["offset"]])
                self.assertRegex(record["send_ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            self.assertEqual({stage: sum(r["stage"] == stage for r in found) for stage in ("calm", "busy")}, {"calm": 300, "busy": 300})
            lagged = sum(any(name.endswith("@-1") for name in r["features"]) for r in found)
            self.assertGreater(lagged, 500) if lags == "true" else self.assertEqual(lagged, 0)

class Standby(Distributed):
    """A second monitor and a second retrainer, on a machine of their own."""

    def files(self, machine):
        """What a machine has written or is about to upload, telemetry and what it has read aside: it is under no lease."""
        found = {}
        for folder, _, names in os.walk(self.path(machine)):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.basename(folder) == "queue" and not re.search(r"results\+(metrics|resources|drift_signal)", name):
                    found[path] = read(path, "rb")
        return found

    def hand_over(self, name, evidence):
        """One is stopped for longer than its lease while a standby takes over, and then wakes."""
        lease_s = 4
        self.settings += [f"reader.lease_s={lease_s}"]
        self.call("offline")
        words = {"monitor": ["monitor", "--run-id", "one"], "retrain": ["retrain", "--run-id", "one"]}
        first = self.start(*words.pop(name), machine="first")
        others = [self.start(*other) for other in words.values()]
        others += [self.start("infer", "--member", f"infer-{i}", "--run-id", "one") for i in range(2)]
        others.append(self.start("produce", *self.stages, "--rate", "25", "--lags", "true", "--run-id", "one"))
        self.wait_until(f"the first {name} is at work", evidence)
        refused = self.ended(self.start(name, "--run-id", "one", machine="standby"), 3)
        self.assertIn("is already in the group, and this member must be the only one", refused)
        self.assertIn("stop it first", refused)
        first.send_signal(signal.SIGSTOP)
        heir, begin = None, time.monotonic()
        while heir is None:  # as a supervisor does
            self.assertLess(time.monotonic() - begin, 30, "no standby could take over")
            heir = self.start(name, "--run-id", "one", machine="standby")
            try:
                heir.wait(lease_s)
                self.assertIn("already in the group", self.ended(heir, 3))
                heir = None
            except subprocess.TimeoutExpired:
                pass
        before = self.files("first")
        first.send_signal(signal.SIGCONT)
        told = self.ended(first, 1, within=20)
        self.assertRegex(told, "replaced by a newer process|lost its place|lost its lease")
        self.assertEqual([path for path, content in self.files("first").items() if before.get(path) != content], [], "the woken one has written")
        for process in [*others, heir]:
            self.ended(process)
        for machine in ("first", "standby"):
            self.call("store", "flush", machine=machine)
        records = self.check()["records"]
        self.assertEqual((records["predicted"], records["lost"], records["duplicates"]), (600, 0, 0))
        self.recompute()

    def test_a_monitor_that_sleeps_through_its_lease(self):
        self.hand_over("monitor", lambda: os.path.exists(f"{self.objects}/results/drift_signal.json"))

    def test_a_retrainer_that_sleeps_through_its_lease(self):
        models = f"{self.objects}/models"
        self.hand_over("retrain", lambda: sum(name.endswith(".onnx") for name in os.listdir(models)) > 3)


class Outages(Distributed):
    def test_no_store_for_the_whole_run(self):
        service = services_s3.Versitygw(self.path("s3")).start()
        self.addCleanup(service.kill)
        self.use(kafka(), service)
        service.kill()
        for process in self.start_chain(machine="core").values():
            self.ended(process)
        self.assertEqual(self.service.objects(self.bucket), {})
        status = json.loads(self.call("store", "status", "--json", machine="core", expect=4).stdout)
        self.assertFalse(status["reachable"])
        self.assertGreater(status["waiting"], 10)
        service.start()
        records = self.check()["records"]
        self.assertEqual((records["predicted"], records["lost"], records["duplicates"]), (600, 0, 0))
        self.recompute()

    def test_a_broker_that_is_away(self):
        broker = services.start_kafka(self.path("kafka"))
        self.addCleanup(broker.kill)
        self.use(broker, s3())
        self.settings += [f"{section}.idle_timeout_s=4" for section in ("drift", "tuning", "inference")]  # an outage is no silence
        parts = self.start_chain()
        self.wait_until("a first prediction", self.predicted)
        broker.kill()
        time.sleep(OUTAGE_S)
        self.assertEqual({name: process.poll() for name, process in parts.items()}, dict.fromkeys(parts))
        broker.start()
        told = {name: self.ended(process) for name, process in parts.items()}  # by themselves: nobody starts them again
        self.assertIn("monitor: 600 records", told["monitor"])
        self.assertIn("judge: the stream has ended; 600 labels", told["retrain"])
        lives = [re.findall(r"infer-\d: (\d+) records, (\d+) predicted", words) for name, words in told.items() if name.startswith("infer")]
        self.assertEqual([len(said) for said in lives], [1, 1, 1])
        self.assertGreaterEqual(sum(int(said[0][1]) for said in lives), 600, "over all lives of each")
        print({name: words.count("joins again") + words.count("so it goes on") for name, words in told.items()}, "places taken back")
        records = self.check()["records"]
        self.assertEqual((records["predicted"], records["lost"], records["duplicates"]), (600, 0, 0))

    def test_a_broker_that_hangs(self):
        """Stopped, not dead: connections stand, and nobody answers on them."""
        broker = services.start_kafka(self.path("kafka"))
        self.addCleanup(broker.kill)
        self.use(broker, s3())
        self.settings += [f"{section}.idle_timeout_s=4" for section in ("drift", "tuning", "inference")]
        parts = self.start_chain()
        self.wait_until("a first prediction", self.predicted)
        broker.process.send_signal(signal.SIGSTOP)
        time.sleep(OUTAGE_S)
        broker.process.send_signal(signal.SIGCONT)
        told = {name: self.ended(process) for name, process in parts.items()}
        self.assertIn("monitor: 600 records", told["monitor"])
        self.assertIn("judge: the stream has ended; 600 labels", told["retrain"])
        records = self.check()["records"]
        self.assertEqual((records["predicted"], records["lost"], records["duplicates"]), (600, 0, 0))

    def test_consumers_that_come_and_go(self):
        parts = self.start_chain(rate=40, consumers=2)
        waits = 0
        for number in range(2, 100):
            try:
                parts["produce"].wait(2)
                break
            except subprocess.TimeoutExpired:
                waits += 1
            leaver = f"infer-{number - 2}"
            parts[leaver].terminate()
            self.ended(parts.pop(leaver), 130, within=10)
            parts[f"infer-{number}"] = self.start("infer", "--member", f"infer-{number}", "--run-id", "one")
        told = {name: self.ended(process) for name, process in parts.items()}
        self.assertGreater(waits, 4)
        for name in told:  # whoever left has said so: nobody waits for a lease to run out
            for delay in re.findall(r"delay p50 (\d+\.\d) ms", told[name]):
                self.assertLess(float(delay), 4000, told[name])
        records = self.check()["records"]
        self.assertEqual((records["predicted"], records["lost"]), (600, 0))
        self.recompute()


class Secure(Distributed):
    def test_tls_and_sasl_everywhere(self):
        service_tools.make_certificates(self.path("kafka-tls"))
        service_tools.make_certificates(self.path("s3-tls"))
        broker = services.start_kafka(
            self.path("kafka"), listeners={"SASL": "SASL_SSL"},
            properties={"ssl.keystore.type": "PEM", "ssl.keystore.location": f"{self.path('kafka-tls')}/server.pem",
                        "sasl.enabled.mechanisms": "PLAIN", "listener.name.sasl.plain.sasl.jaas.config":
                            'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";'})
        self.addCleanup(broker.kill)
        service = services_s3.Versitygw(self.path("s3"), self.path("s3-tls")).start()
        self.addCleanup(service.kill)
        self.use(broker, service)
        plain, self.log = self.log, f"kafka://{broker.address['SASL']}"
        self.environment.update(AWS_ENDPOINT_URL_S3=service.endpoint(True), DRST_KAFKA_PASSWORD="alice-secret")
        self.settings += ["kafka.security=sasl_ssl", f"kafka.ca_file={self.path('kafka-tls')}/ca.pem", "kafka.username=alice",
                          f"s3.ca_file={self.path('s3-tls')}/ca.pem"]
        told = [self.ended(process) for process in self.start_chain().values()]
        self.settle()
        self.call("report", "--out", self.path("out"))
        self.log = plain  # the recount comes by another way in
        subprocess.run([sys.executable, f"{HERE}/check_run.py", "--store", self.objects, "--log", plain, "--topic", self.topic, "--summary",
                        self.path("out", "summary.json")], check=True, env={**os.environ, "DRST_PYTHON": PYTHON})
        self.recompute()
        for text in [*told, *[content.decode("latin-1") for content in service.objects(self.bucket).values()]]:
            self.assertNotIn("alice-secret", text)
            self.assertNotIn(service.secret, text)


def missing():
    if not os.path.exists(os.path.join(PERF, "combined.csv")):
        return "DRST_DATA does not name the folder of real measurements"
    if not os.path.exists(PYTHON):
        return f"{PYTHON} is not there; `make test-python` prepares it"
    return services.have_kafka() or (None if shutil.which("kcat") else "kcat is not installed (apt.txt)")


if __name__ == "__main__":
    what = missing()
    if what:
        print(f"distributed: {what}", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    try:
        unittest.main(verbosity=2)
    finally:
        for server in SERVERS.values():
            server.kill()
        shutil.rmtree(WORK, ignore_errors=True)
