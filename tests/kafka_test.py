#!/usr/bin/env python3
"""DRST on a real Kafka: the log's contract, the commands as processes, an outage, TLS and SASL, and what is refused.

Starts its own brokers (services.py). Needs DRST, STREAM_UNIT_TESTS (the unit tests of the stream room) and DRST_DATA. Ends with 77 where
Java, Maven or kcat are not installed (not in CI, where that is a failure).
"""
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import numpy as np

import service_tools
import services
from end_to_end import DRST, PERF, Temporary, drst, traces

STREAM_TEST = os.environ.get("STREAM_UNIT_TESTS", os.path.join(os.path.dirname(DRST), "stream_test"))
OFFLINE = f"{PERF}/combined.csv:head=600"
CALM = f"{PERF}/combined.csv:tail=300"
BUSY = f"{PERF}/resource_stimulus_global_A-B-C_modified.csv:head=300"
SECRETS = ("alice-secret", "bob-secret", "wrong-secret", "key-secret")
WORK = tempfile.mkdtemp(prefix="drst-kafka-")
CERTIFICATES = os.path.join(WORK, "tls")
BROKERS = {}


def kafka():
    """The broker that most tests share; each takes topics of its own."""
    if "plain" not in BROKERS:
        BROKERS["plain"] = services.start_kafka(os.path.join(WORK, "plain"))
    return BROKERS["plain"]


def secure_kafka():
    """TLS, mutual TLS, and SASL over TLS."""
    if "secure" not in BROKERS:
        service_tools.make_certificates(CERTIFICATES)
        jaas = "org.apache.kafka.common.security"
        BROKERS["secure"] = services.start_kafka(
            os.path.join(WORK, "secure"),
            listeners={"TLS": "SSL", "MUTUAL": "SSL", "EXPIRED": "SSL", "SASL": "SASL_SSL"},
            scram=["SCRAM-SHA-256=[name=bob,password=bob-secret]"],
            properties={
                "ssl.keystore.type": "PEM", "ssl.keystore.location": f"{CERTIFICATES}/server.pem", "ssl.truststore.type": "PEM",
                "ssl.truststore.location": f"{CERTIFICATES}/ca.pem", "listener.name.mutual.ssl.client.auth": "required",
                "listener.name.expired.ssl.keystore.location": f"{CERTIFICATES}/expired.pem",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,OAUTHBEARER",
                "listener.name.sasl.plain.sasl.jaas.config": f'{jaas}.plain.PlainLoginModule required user_alice="alice-secret";',
                "listener.name.sasl.scram-sha-256.sasl.jaas.config": f"{jaas}.scram.ScramLoginModule required;",
                "listener.name.sasl.oauthbearer.sasl.jaas.config":
                    f'{jaas}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="x";',
            })
    return BROKERS["secure"]


class Capture:
    """All bytes of the loopback while it lives; needs root or CAP_NET_RAW."""

    def __enter__(self):
        every_protocol = 0x0003
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(every_protocol))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.1)
        self.parts, self.ending = [], False
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()
        return self

    def listen(self):
        while not self.ending:
            with contextlib.suppress(TimeoutError):
                self.parts.append(self.socket.recv(70_000))

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        self.socket.close()
        self.bytes = b"".join(self.parts)


class OnKafka(Temporary):
    topics = 0

    def setUp(self):
        super().setUp()
        OnKafka.topics += 1
        self.topic = f"topic{OnKafka.topics}"
        self.store = self.path("store")
        self.bootstrap = kafka().bootstrap
        self.running = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for process in self.running:
            process.kill()
            process.communicate()

    def command(self, name, *more, settings=(), log=None):
        tables = ["--offline", OFFLINE, *([] if "--model" in more else ["--model", "ridge"])] if name == "retrain" else []
        settings = [f"stream.topic={self.topic}", *settings]
        return [DRST, name, *tables, "--store", f"file:{self.store}", "--log", log or f"kafka://{self.bootstrap}",
                *[f"--set={s}" for s in settings], *more]

    def start(self, name, *more, settings=(), log=None):
        process = subprocess.Popen(self.command(name, *more, settings=settings, log=log), stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def ended(self, process, code=0, within=60):
        _, stderr = process.communicate(timeout=within)
        self.running.remove(process)
        self.assertEqual(process.returncode, code, (process.args, stderr))
        return stderr

    def produce(self, *more, log=None, code=0, settings=(), rows=5, within=40, **variables):
        """Five rows onto the topic; the smallest command that reaches a broker and appends. Returns stderr."""
        command = self.command("produce", "--stage", f"a={PERF}/combined.csv:tail={rows}", *more, settings=settings, log=log)
        begin = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=within,
                              env={**os.environ, **variables})
        self.took = time.monotonic() - begin
        self.assertEqual(done.returncode, code, done.stderr)
        for secret in SECRETS:
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done.stderr

    def kcat(self, *args, data=None):
        done = subprocess.run(["kcat", "-b", self.bootstrap, *args], input=data, capture_output=True, check=True, timeout=60)
        return done.stdout


class Contract(OnKafka):
    def test_the_logs_contract_on_a_real_broker(self):
        done = subprocess.run([STREAM_TEST, "--gtest_filter=*/kafka:Kafka*", "--gtest_brief=1"], capture_output=True, text=True,
                              check=False, timeout=400, env={**os.environ, "DRST_TEST_KAFKA": self.bootstrap})
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-2000:])
        self.assertIn("PASSED", done.stdout)


class Processes(OnKafka):
    STAGES = ["--stage", f"calm={CALM}", "--stage", f"busy={BUSY}", "--run-id", "one", "--rate", "60", "--lags", "true"]

    def run_chain(self, log):
        drst("offline", "--offline", OFFLINE, "--model", "ridge", "--store", f"file:{self.store}", "-q")
        parts = [self.start(name, "--run-id", "one", log=log) for name in ("monitor", "retrain")]
        parts += [self.start("infer", "--run-id", "one", "--member", f"infer-{i}", log=log) for i in range(3)]
        parts.append(self.start("produce", *self.STAGES, log=log))
        return parts

    def summary(self, log):
        drst(*self.command("report", "--out", self.path("out"), log=log)[1:])
        with open(self.path("out", "summary.json"), encoding="utf-8") as file:
            return json.load(file)

    def test_predictions_are_the_embedded_runs(self):
        found = {}
        for name, log in (("kafka", None), ("embedded", f"embedded:{self.path('log')}")):
            self.store = self.path(name)
            for part in self.run_chain(log):
                self.ended(part)
            summary = self.summary(log)
            records = summary["records"]
            self.assertEqual((records["predicted"], records["lost"], records["duplicates"]), (600, 0, 0), name)
            found[name] = (traces(self.store), summary["overall"]["adaptive"]["acc@0.2"])
        ours, embedded = found["kafka"][0], found["embedded"][0]
        self.assertEqual({key: row[0] for key, row in ours.items()}, {key: row[0] for key, row in embedded.items()})
        self.assertLess(abs(found["kafka"][1] - found["embedded"][1]), 0.02)
        members = {str(m) for m in np.unique(np.concatenate([np.load(f"{self.path('kafka')}/results/{n}")["partition"] for n in
                                                            os.listdir(f"{self.path('kafka')}/results") if n.endswith("_inference_trace.npz")]))}
        self.assertEqual(members, {"0", "1", "2"})

    def test_an_outage_and_a_killed_consumer_lose_nothing(self):
        broker = services.start_kafka(self.path("broker"))
        self.addCleanup(broker.kill)
        self.bootstrap = broker.bootstrap
        parts = self.run_chain(None)
        victim = parts[2]
        time.sleep(1)
        broker.kill()
        time.sleep(3)
        broker.start()
        victim.kill()
        victim.communicate()
        self.running.remove(victim)
        parts[2] = self.start("infer", "--run-id", "one", "--member", "infer-0")
        for part in parts:
            self.ended(part, within=120)
        records = self.summary(None)["records"]
        self.assertEqual((records["predicted"], records["lost"]), (600, 0))
        self.assertEqual(len(traces(self.store)), 600)

    def test_a_second_retrainer_beside_one_that_is_busy(self):
        counts = self.run_beside_others("tuning.refit_steps=100000", "tuning.refit_every_labels=200")
        self.assertEqual(counts["replaced"], 0, "its judge was not late, and so nobody may take its place")

    def test_a_second_retrainer_beside_one_that_is_stopped(self):
        self.run_beside_others(stopped_each=5)

    def run_beside_others(self, *settings, stopped_each=1000):
        """Whose step takes longer than its lease has lost its place for a while. However late it is, one of two goes on, and only one."""
        settings = ["reader.lease_s=1", *settings]
        drst("offline", "--offline", OFFLINE, "--model", "mlp", "--store", f"file:{self.store}", "-q")
        parts = [self.start("monitor", "--run-id", "one"), self.start("infer", "--run-id", "one"), self.start("produce", *self.STAGES)]
        holder = self.start("retrain", "--run-id", "one", "--model", "mlp", settings=settings)
        time.sleep(3)
        counts = {"refused": 0, "thrown out": 0, "replaced": 0}
        for number in range(1000):
            if parts[-1].poll() is not None:
                break
            late = number % stopped_each == stopped_each - 1
            if late:
                holder.send_signal(signal.SIGSTOP)
                time.sleep(0.9)
            other = self.start("retrain", "--run-id", "one", "--model", "mlp", settings=settings)
            if late:
                time.sleep(0.2 * (number % 3))
                holder.send_signal(signal.SIGCONT)
            while holder.poll() is None and other.poll() is None:
                time.sleep(0.05)
            if holder.poll() is None:
                _, told = other.communicate(timeout=60)
                self.running.remove(other)
                self.assertIn("already in the group, and this member must be the only one", told)
                self.assertIn(other.returncode, (1, 3), told)  # 1: it was in while the first was late, which came back
                counts["refused" if other.returncode == 3 else "thrown out"] += 1
            elif holder.returncode == 1:
                self.assertRegex(self.ended(holder, 1), "has lost its place.*another has its place")
                holder = other
                counts["replaced"] += 1
            else:
                break
        told = self.ended(holder, within=120)
        print(counts, f"the last one's place was lost and taken back {told.count('so it goes on')} times")
        for part in parts:
            self.ended(part)
        records = self.summary(None)["records"]
        self.assertEqual((records["predicted"], records["lost"], records["duplicates"]), (600, 0, 0))
        return counts

    def test_hostile_records_become_dead_letters(self):
        drst("offline", "--offline", OFFLINE, "--model", "ridge", "--store", f"file:{self.store}", "-q")
        self.produce("--run-id", "one", settings=["stream.partitions=1"], rows=50)
        hostile = [b"{", b"[" * 5000, b'{"features": {"a": 1e999999}}', b"\xff\xfe\x00", b'{"features": 3}', b"x" * 900_000]
        for value in hostile:
            with open(self.path("record"), "wb") as file:
                file.write(value)
            self.kcat("-P", "-t", self.topic, "-p", "0", "-H", "run_id=one", "-H", b"\xff\xfd=\x01\xff".decode("latin-1"),
                      "-X", "message.max.bytes=2000000", self.path("record"))
        self.produce("--run-id", "two", settings=["stream.partitions=1"], rows=20)
        self.ended(self.start("infer", "--run-id", "two", settings=["stream.partitions=1"]))
        names = [line.split('"')[1] for line in self.kcat("-L").decode().splitlines() if line.strip().startswith("topic ")]
        dead = [name for name in names if name.startswith(self.topic) and name.endswith("-dead")]
        self.assertEqual(len(dead), 1, names)
        count = len(self.kcat("-C", "-e", "-q", "-t", dead[0], "-f", "%o\\n").split())
        self.assertEqual(count, len(hostile))

    def test_a_record_of_50_megabytes_becomes_a_dead_letter(self):
        drst("offline", "--offline", OFFLINE, "--model", "ridge", "--store", f"file:{self.store}", "-q")
        roomy = ["stream.partitions=1", f"log.max_record_bytes={64 << 20}"]  # what the topic takes
        self.produce("--run-id", "one", settings=roomy, rows=20)
        with open(self.path("record"), "wb") as file:
            file.write(b'{"features": {"' + b"x" * 50_000_000 + b'": 1}}')
        self.kcat("-P", "-t", self.topic, "-p", "0", "-H", "run_id=one", "-X", "message.max.bytes=70000000", self.path("record"))
        self.produce("--run-id", "two", settings=roomy, rows=30)
        infer = self.start("infer", "--run-id", "two", settings=["stream.partitions=1"])
        most = 0
        while infer.poll() is None:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{infer.pid}/status", encoding="ascii") as status:
                most = max([most] + [int(line.split()[1]) for line in status if line.startswith("VmHWM")])
            time.sleep(0.05)
        said = self.ended(infer)
        self.assertIn("1 dead letters", said)
        self.assertRegex(said, r"\b50 predicted")
        self.assertLess(most, 300_000, "KiB: it may hold the record, not copies of copies")
        dead = self.kcat("-C", "-e", "-q", "-t", self.topic + "-dead", "-f", "%S %h\n").decode()
        self.assertLess(int(dead.split()[0]), 100_000, "its beginning, to be known by")
        self.assertIn("drst-reason", dead)

    def test_a_stop_is_obeyed_within_seconds_even_without_a_broker(self):
        broker = services.start_kafka(self.path("broker"))
        self.addCleanup(broker.kill)
        self.bootstrap = broker.bootstrap
        parts = self.run_chain(None)
        time.sleep(1.5)
        broker.kill()
        time.sleep(1)
        begin = time.monotonic()
        for part in parts:
            part.terminate()
        for part in parts:
            self.ended(part, 130, within=10)
        self.assertLess(time.monotonic() - begin, 6)


    def test_a_wait_for_a_broker_that_says_nothing_has_a_reason(self):
        broker = services.start_kafka(self.path("broker"))
        self.addCleanup(broker.kill)
        producer = self.start("produce", "--stage", f"a={PERF}/combined.csv:tail=300", "--rate", "20", log=f"kafka://{broker.bootstrap}")
        deadline = time.monotonic() + 30
        while subprocess.run(["kcat", "-b", broker.bootstrap, "-Q", "-t", f"{self.topic}:0:-1"], capture_output=True, text=True,
                             check=False).stdout.split()[-1:] in ([], ["0"]):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        broker.process.send_signal(signal.SIGSTOP)  # connections stand, and nobody answers
        time.sleep(5)
        broker.process.send_signal(signal.SIGCONT)
        producer.send_signal(signal.SIGTERM)
        told = self.ended(producer, 130)
        self.assertIn("waits for an answer (", told)
        self.assertNotIn("()", told)

    def test_a_topic_that_is_deleted(self):
        """The producer says so and ends; who waits for it obeys one signal."""
        parts = self.run_chain(None)
        time.sleep(3)
        delete = f"from kafka.admin import KafkaAdminClient as A; A(bootstrap_servers='{self.bootstrap}').delete_topics(['{self.topic}'])"
        subprocess.run([os.environ["DRST_PYTHON"], "-c", delete], check=True)
        producer = parts.pop()
        _, stderr = producer.communicate(timeout=30)
        self.running.remove(producer)
        self.assertNotEqual(producer.returncode, 0)
        self.assertIn(f"topic '{self.topic}'", stderr.splitlines()[-1])
        for part in parts:
            part.terminate()
        begin = time.monotonic()
        for part in parts:
            self.ended(part, 130, within=20)
        self.assertLess(time.monotonic() - begin, 8)

    def test_a_report_of_a_run_on_another_topic(self):
        drst("offline", "--offline", OFFLINE, "--model", "ridge", "--store", f"file:{self.store}", "-q")
        self.produce(rows=5)
        command = self.command("report", "--out", self.path("out"), settings=["stream.topic=another"])
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn(f"--set stream.topic={self.topic}", refused.stderr)


class Refused(OnKafka):
    def test_addresses_and_topics(self):
        self.assertIn("check the host name", self.produce(log="kafka://no-such-host.invalid:9092", code=4,
                                                          settings=["kafka.connect_timeout_s=2"]))
        port = service_tools.free_ports(1)[0]
        self.assertIn("is Kafka running there", self.produce(log=f"kafka://127.0.0.1:{port}", code=4,
                                                             settings=["kafka.connect_timeout_s=2"]))
        self.assertLess(self.took, 6)
        for url in ("kafka://", "kafka://a:b", "kafka://a:99999", "kafka://a b:1", "kafka:///x"):
            self.assertIn("kafka://", self.produce(log=url, code=3))
        self.assertNotIn("hidden", self.produce(log="kafka://me:hidden@127.0.0.1:9092", code=3))
        self.produce("--run-id", "one", settings=["stream.partitions=2"])
        self.assertIn("has 2 partitions, but 5", self.produce("--run-id", "two", code=3, settings=["stream.partitions=5"]))
        self.topic += "r"
        self.assertIn("kafka.replication", self.produce(code=3, settings=["kafka.replication=3"]))

    def test_properties(self):
        for name in ("sasl.password", "ssl.key.password", "ssl.key.pem", "sasl.oauthbearer.client.secret"):
            self.assertIn("is a secret", self.produce(code=3, settings=[f"kafka.properties.{name}=key-secret"]))
        self.assertIn("cannot be given through", self.produce(code=3, settings=["kafka.properties.group.id=x"]))
        self.assertIn("no.such.thing", self.produce(code=3, settings=["kafka.properties.no.such.thing=1"]))
        self.produce(settings=["kafka.properties.compression.type=lz4"])

    def test_a_record_that_the_topic_does_not_take(self):
        self.produce("--run-id", "one", settings=["log.max_record_bytes=1024"], code=3)


class Secure(OnKafka):
    def at(self, listener, **settings):
        return {"log": f"kafka://{secure_kafka().address[listener]}",
                "settings": ["kafka.connect_timeout_s=5", *[f"kafka.{key}={value}" for key, value in settings.items()]]}

    def secret(self, text, name="password"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text + "\n")
        return self.path(name)

    def test_tls(self):
        self.produce(**self.at("TLS", security="ssl", ca_file=tls_file("ca.pem")))
        self.assertIn("kafka.ca_file", self.produce(code=3, **self.at("TLS", security="ssl", ca_file=tls_file("other-ca.pem"))))
        self.assertIn("kafka.ca_file", self.produce(code=3, **self.at("TLS", security="ssl", ca_file=self.path("none.pem"))))
        self.assertIn("expired", self.produce(code=3, **self.at("EXPIRED", security="ssl", ca_file=tls_file("ca.pem"))))
        self.assertIn("TLS", self.produce(code=4, **self.at("TLS")))

    def test_nothing_goes_in_the_clear_with_tls(self):
        """What the loopback carries meanwhile, listened to below the programs."""
        words = [b"firewall_instructions", b"send_ts", b"cleartext-run"]
        produce = ("--run-id", "cleartext-run")
        for listener, settings, seen in (("TLS", {"security": "ssl", "ca_file": tls_file("ca.pem")}, False), ("PLAIN", None, True)):
            at = self.at(listener, **settings) if settings else {}
            self.topic += "-" + listener.lower()
            with Capture() as capture:
                self.produce(*produce, **at)
                time.sleep(0.3)
            self.assertGreater(len(capture.bytes), 10_000)
            for word in words:
                self.assertEqual(word in capture.bytes, seen, (listener, word))

    def test_mutual_tls(self):
        ours = {"security": "ssl", "ca_file": tls_file("ca.pem")}
        self.produce(**self.at("MUTUAL", **ours, certificate_file=tls_file("client-chain.pem"), key_file=tls_file("client.key")))
        self.assertIn("kafka.certificate_file", self.produce(code=3, **self.at("MUTUAL", **ours)))

    def test_a_key_with_a_password(self):
        ours = {"security": "ssl", "ca_file": tls_file("ca.pem"), "certificate_file": tls_file("client-chain.pem")}
        secure_kafka()
        subprocess.run(["openssl", "rsa", "-aes256", "-passout", "pass:key-secret", "-in", tls_file("client.key"), "-out",
                        self.path("locked.key")], check=True, capture_output=True)
        self.produce(**self.at("MUTUAL", **ours, key_file=self.path("locked.key"), key_password_file=self.secret("key-secret")))
        self.produce(code=3, **self.at("MUTUAL", **ours, key_file=self.path("locked.key")))

    def test_sasl_plain_and_what_is_kept_of_it(self):
        ours = {"security": "sasl_ssl", "ca_file": tls_file("ca.pem"), "username": "alice"}
        self.produce("-v", **self.at("SASL", **ours, password_file=self.secret("alice-secret")))
        self.produce("--run-id", "two", DRST_KAFKA_PASSWORD="alice-secret", **self.at("SASL", **ours))
        for folder, _, names in os.walk(self.store):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"alice-secret", file.read(), name)
        shown = subprocess.run([DRST, "config", *[f"--set={s}" for s in self.at("SASL", **ours)["settings"]]], check=True,
                               capture_output=True, text=True, env={**os.environ, "DRST_KAFKA_PASSWORD": "alice-secret"})
        self.assertNotIn("alice-secret", shown.stdout)
        self.assertIn("check kafka.username", self.produce(code=3, DRST_KAFKA_PASSWORD="wrong-secret", **self.at("SASL", **ours)))
        self.assertLess(self.took, 6)
        self.assertIn("kafka.password_file", self.produce(code=3, **self.at("SASL", **ours)))

    def test_sasl_oauthbearer(self):
        def token(seconds):
            def part(claims):
                return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
            now = int(time.time())
            return f'{part({"alg": "none"})}.{part({"sub": "alice", "iat": now - 10, "exp": now + seconds})}.'
        ours = {"security": "sasl_ssl", "ca_file": tls_file("ca.pem"), "sasl_mechanism": "OAUTHBEARER"}
        self.produce(**self.at("SASL", **ours, token_file=self.secret(token(3600), "token")))
        self.produce(code=3, **self.at("SASL", **ours, token_file=self.secret("no token", "token")))
        self.produce(code=3, **self.at("SASL", **ours))

    def test_scram_with_a_broker_that_refuses_this_librdkafka(self):
        ours = {"security": "sasl_ssl", "ca_file": tls_file("ca.pem"), "username": "bob", "sasl_mechanism": "SCRAM-SHA-256",
                "password_file": self.secret("bob-secret")}
        done = subprocess.run(self.command("produce", "--stage", f"a={PERF}/combined.csv:tail=5", **self.at("SASL", **ours)),
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:  # librdkafka before 2.6.1
            self.assertEqual(done.returncode, 3)
            self.assertIn("CVE-2024-56128", done.stderr)
            self.assertNotIn("bob-secret", done.stderr)

    def test_scram_with_a_broker_of_before(self):
        secure_kafka()  # its certificates
        broker = services.start_kafka(
            self.path("broker"), version=services.KAFKA_BEFORE_SCRAM_FIX, listeners={"SASL": "SASL_SSL"},
            scram=["SCRAM-SHA-256=[name=bob,password=bob-secret]", "SCRAM-SHA-512=[name=bob,password=bob-secret]"],
            properties={"ssl.keystore.type": "PEM", "ssl.keystore.location": tls_file("server.pem"),
                        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512",
                        **{f"listener.name.sasl.scram-sha-{bits}.sasl.jaas.config":
                           "org.apache.kafka.common.security.scram.ScramLoginModule required;" for bits in (256, 512)}})
        self.addCleanup(broker.kill)
        for bits in (256, 512):
            self.produce("--run-id", f"scram{bits}", log=f"kafka://{broker.address['SASL']}", DRST_KAFKA_PASSWORD="bob-secret",
                         settings=["kafka.security=sasl_ssl", f"kafka.ca_file={tls_file('ca.pem')}", "kafka.username=bob",
                                   f"kafka.sasl_mechanism=SCRAM-SHA-{bits}"])


def tls_file(name):
    secure_kafka()
    return os.path.join(CERTIFICATES, name)


if __name__ == "__main__":
    missing = services.have_kafka() or (None if shutil.which("kcat") else "kcat is not installed (apt.txt)")
    if not os.path.exists(os.path.join(PERF, "combined.csv")):
        missing = "DRST_DATA does not name the folder of real measurements"
    if missing:
        print(f"kafka_test: {missing}", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    try:
        unittest.main(verbosity=2)
    finally:
        for broker in BROKERS.values():
            broker.kill()
        shutil.rmtree(WORK, ignore_errors=True)
