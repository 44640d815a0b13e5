#!/usr/bin/env python3
"""Real servers for tests and for people: started on free ports of the loopback interface, ended by their process id.

    with start_kafka(folder) as kafka: ...  # kafka.bootstrap, kafka.kill(), kafka.start(), kafka.stop()

As a program: `tests/services.py kafka [FOLDER]` starts a broker, prints its address and runs until Ctrl-C;
`tests/services.py run COMMAND...` starts one for a command, which finds it in DRST_TEST_KAFKA; `fetch` only fetches the jars.

Kafka comes by Maven (tests/kafka/pom.xml), once, into $DRST_CACHE/kafka-<version>. One KRaft node is broker and controller; a
session of 1.5 s lets it come back at once after kill -9 (the default makes it wait 9 s for its own ghost).
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import service_tools

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = service_tools.cache()
KAFKA = "4.3.1"
KAFKA_BEFORE_SCRAM_FIX = "3.7.1"  # the newest that librdkafka before 2.6.1 can do SCRAM with
JAVA = ["java", "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
        "-Dorg.slf4j.simpleLogger.showDateTime=true"]


def have_kafka():
    """What is missing to run Kafka here, or None."""
    for tool in ("java", "mvn", "openssl"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (apt.txt)"
    return None


def fetch_kafka(version=KAFKA):
    """The folder with the jars, fetched once."""
    libs = os.path.join(CACHE, f"kafka-{version}", "libs")
    stamp = os.path.join(CACHE, f"kafka-{version}", ".complete")
    if not os.path.exists(stamp):
        shutil.rmtree(os.path.dirname(libs), ignore_errors=True)
        os.makedirs(libs)
        subprocess.run(["mvn", "-q", "-B", "-ntp", "-f", os.path.join(HERE, "kafka", "pom.xml"), f"-Dkafka.version={version}",
                        f"-DbuildDirectory={os.path.dirname(libs)}", "dependency:copy-dependencies", "-DincludeScope=runtime",
                        f"-DoutputDirectory={libs}"], check=True, timeout=500)
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(version)
    return libs


class Kafka:
    """One node. `listeners`: further ones by name, each "SSL", "SASL_SSL" or "SASL_PLAINTEXT"; `address[name]` is where it is."""

    def __init__(self, folder, version=KAFKA, listeners=None, properties=None, scram=()):
        self.folder = folder
        self.log = os.path.join(folder, "broker.log")
        self.process = None
        self.libs = fetch_kafka(version)
        listeners = listeners or {}
        plain, controller, *further = service_tools.free_ports(2 + len(listeners))
        self.bootstrap = f"127.0.0.1:{plain}"
        self.address = {name: f"127.0.0.1:{port}" for name, port in zip(listeners, further)}
        quorum = f"1@127.0.0.1:{controller}" if version.startswith("3.") else None
        text = {
            "process.roles": "broker,controller", "node.id": 1, "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters" if quorum else "controller.quorum.bootstrap.servers": quorum or f"127.0.0.1:{controller}",
            "listeners": ",".join([f"PLAINTEXT://{self.bootstrap}", f"CONTROLLER://127.0.0.1:{controller}",
                                   *[f"{name}://{at}" for name, at in self.address.items()]]),
            "advertised.listeners": ",".join([f"PLAINTEXT://{self.bootstrap}", *[f"{n}://{at}" for n, at in self.address.items()]]),
            "listener.security.protocol.map": ",".join(["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT",
                                                        *[f"{name}:{kind}" for name, kind in listeners.items()]]),
            "inter.broker.listener.name": "PLAINTEXT", "log.dirs": os.path.join(folder, "data"), "num.partitions": 3,
            "default.replication.factor": 1, "min.insync.replicas": 1, "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1, "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1, "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1, "group.initial.rebalance.delay.ms": 0, "auto.create.topics.enable": "false",
            "group.min.session.timeout.ms": 500, "log.segment.bytes": 67108864, "num.network.threads": 2, "num.io.threads": 4,
            "broker.session.timeout.ms": 1500, "broker.heartbeat.interval.ms": 300, **(properties or {})}
        if version.startswith("3."):
            del text["share.coordinator.state.topic.replication.factor"], text["share.coordinator.state.topic.min.isr"]
        os.makedirs(folder, exist_ok=True)
        self.config = os.path.join(folder, "server.properties")
        with open(self.config, "w", encoding="utf-8") as file:
            file.writelines(f"{key}={value}\n" for key, value in text.items())
        more = [] if quorum else ["--standalone"]
        for user in scram:
            more += ["--add-scram", user]
        done = subprocess.run([*JAVA, "-cp", f"{self.libs}/*", "kafka.tools.StorageTool", "format", *more, "-t",
                               "MkU3OEVBNTcwNTJENDM2Qg", "-c", self.config], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self, within=60):
        """Starts (again) on the same data and waits until the broker says that it serves."""
        with open(self.log, "a", encoding="utf-8") as log:
            begin = log.tell()
            self.process = subprocess.Popen([*JAVA, "-cp", f"{self.libs}/*", "kafka.Kafka", self.config], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"Kafka died at its start; see the end of {self.log}:\n{self.said(begin)[-3000:]}")
            if "Kafka Server started" in self.said(begin):
                return self
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"Kafka was not ready within {within} s; see {self.log}")

    def said(self, begin=0):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(begin)
            return log.read()

    def _end(self, how, within):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def stop(self):
        self._end(signal.SIGTERM, 20)

    def kill(self):
        self._end(signal.SIGKILL, 20)


def start_kafka(folder, **options):
    return Kafka(folder, **options)


def main():
    what, *rest = sys.argv[1:] or [""]
    if what == "fetch":
        for version in (KAFKA, KAFKA_BEFORE_SCRAM_FIX):
            fetch_kafka(version)
        return
    if what not in ("kafka", "run"):
        sys.exit(__doc__)
    code = 0
    with tempfile.TemporaryDirectory(prefix="drst-kafka") as work:
        with start_kafka(rest[0] if what == "kafka" and rest else work) as kafka:
            if what == "run":
                code = subprocess.run(rest, env={**os.environ, "DRST_TEST_KAFKA": kafka.bootstrap}, check=False).returncode
            else:
                print(kafka.bootstrap, flush=True)
                with contextlib.suppress(KeyboardInterrupt):
                    kafka.process.wait()
    sys.exit(code)


if __name__ == "__main__":
    main()
