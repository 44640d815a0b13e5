#!/usr/bin/env python3
"""Writing behind as a user meets it, on a real S3 server: an outage from the first minute, processes and server killed at random
moments, a service that hangs, `drst store`. Steps of a crash one by one are in src/store/write_behind_test.cpp.

WRITE_BEHIND_ROUNDS: rounds of kills (12); WRITE_BEHIND_SEED: their seed.
"""
import json
import os
import random
import signal
import subprocess
import time
import unittest

import services_s3
from end_to_end import DRST
from s3_store_test import OnServer

ROUNDS = int(os.environ.get("WRITE_BEHIND_ROUNDS", "12"))
SEED = int(os.environ.get("WRITE_BEHIND_SEED", "1"))


class Behind(OnServer):
    """One machine (its spool), one server without TLS."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.table = f"{cls.work}/table.csv"
        subprocess.run([DRST, "simulate", "--rows", "700", "--out", cls.table, "-q"], check=True)

    def setUp(self):
        self.url = f"s3://drst/{self._testMethodName}"
        self.more = {"s3.retries": 1, "s3.backoff_s": 0.01, "store.spool": f"{self.work}/spool-{self._testMethodName}", "store.retry_s": 0.05,
                     "store.retry_limit_s": 0.2, "store.read_wait_s": 1, "store.read_again_s": 0.2, "store.close_wait_s": 1}
        if self.service.process is None:
            self.service.start()

    def call(self, *arguments, expect=0, endpoint=None, **more):
        return self.drst(*arguments, url=self.url, endpoint=endpoint, expect=expect, more={**self.more, **more}, level="-v")

    def train(self, *more, expect=0):
        return self.call("offline", "--offline", self.table, "--model", "ridge", *more, expect=expect)

    def status(self):
        return json.loads(self.call("store", "status", "--json").stdout)

    def objects(self):
        return self.service.objects(self.url[5:])

    def check_pointers(self):
        """On the server's disk: what a pointer names is there and whole."""
        objects = self.objects()
        for pointer in ("models/latest.txt", "models/baseline.txt"):
            if pointer in objects:
                model, metrics = objects[pointer].decode().split()
                self.assertEqual(json.loads(objects[metrics])["size"], len(objects[model]))
        return objects

    def sync(self, *more):
        settings = {**self.more, "s3.endpoint": self.service.endpoint()}
        return subprocess.Popen([DRST, "store", "sync", *more, "--store", self.url, *[f"--set={k}={v}" for k, v in settings.items()]],
                                env=self.service.environment(), stderr=subprocess.PIPE, text=True)


class Outage(Behind):
    def test_down_from_the_first_minute(self):
        self.service.kill()
        told = self.train()
        self.assertIn("meanwhile what this machine knows", told.stderr)
        self.assertIn("wait in", told.stderr)
        waiting = self.status()
        self.assertFalse(waiting["reachable"])
        self.assertGreaterEqual(waiting["waiting"], 8)
        self.assertIn("are whole", self.call("models", "verify").stdout)
        self.assertEqual(json.loads(self.call("models", "list", "--json").stdout)[0]["role"], "baseline")
        self.assertIn("cannot be reached", self.call("store", "flush", expect=4).stderr)
        # A second training finds the first, though nobody else has seen it.
        self.train()
        self.service.start()
        self.call("store", "flush")
        after = self.status()
        self.assertTrue(after["reachable"])
        self.assertEqual((after["waiting"], after["refused"], after["dropped_telemetry"], after["last_trouble"]), (0, 0, 0, ""))
        self.assertIn("models/latest.txt", self.check_pointers())
        # Another machine sees it all, and this one keeps it for the next outage.
        elsewhere = {"store.spool": f"{self.work}/elsewhere"}
        self.assertIn("are whole", self.call("models", "verify", **elsewhere).stdout)
        self.service.kill()
        self.assertIn("are whole", self.call("models", "verify").stdout)
        self.call("models", "verify", expect=4, **{"store.spool": f"{self.work}/a-third"})

    def test_what_is_wrong_is_told_at_once(self):
        self.assertIn("NoSuchBucket", self.drst("offline", "--offline", self.table, url="s3://absent-bucket", expect=3, more=self.more).stderr)
        self.assertIn("SignatureDoesNotMatch", self.drst("offline", "--offline", self.table, url=self.url, expect=3, more=self.more,
                                                         environment={"AWS_SECRET_ACCESS_KEY": "wrong-secret"}).stderr)
        self.assertIn("s3://bucket", self.drst("store", "status", url="file:/nonexistent", expect=3).stderr)

    def test_a_service_that_hangs(self):
        """It takes connections and says nothing: work goes on, and a signal ends within 5 s."""
        relay = services_s3.Relay(self.service.port)
        self.addCleanup(relay.close)
        relay.delay_s = 3600
        begin = time.monotonic()
        self.call("offline", "--offline", self.table, "--model", "ridge", endpoint=f"http://127.0.0.1:{relay.port}")
        self.assertLess(time.monotonic() - begin, 15)
        settings = {**self.more, "s3.endpoint": f"http://127.0.0.1:{relay.port}"}
        process = subprocess.Popen([DRST, "store", "sync", "--follow", "--store", self.url, *[f"--set={k}={v}" for k, v in settings.items()]],
                                   env=self.service.environment(), stderr=subprocess.PIPE, text=True)
        seen = len(relay.seen)
        while len(relay.seen) == seen:  # until it is in the middle of a request
            time.sleep(0.01)
            self.assertIsNone(process.poll())
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(process.returncode, 0, stderr)


class Kills(Behind):
    def test_killed_at_random_moments(self):
        """Uploader, writers and server are killed and started; the pointer of the bucket is valid at each moment, and in the end the
        bucket holds what this machine wrote last."""
        choose = random.Random(SEED)
        self.train()
        first, second = [m["model_key"] for m in json.loads(self.call("models", "list", "--json").stdout)]
        uploader, counts, moves, live = self.sync("--follow"), {}, 0, second
        try:
            for number in range(ROUNDS):
                victim = choose.choice(("uploader", "server", "writer", "nobody"))
                counts[victim] = counts.get(victim, 0) + 1
                settings = {**self.more, "s3.endpoint": self.service.endpoint(), "store.close_wait_s": 0}
                writer = subprocess.Popen([DRST, "models", "rollback", (first, second)[number % 2], "--store", self.url, "-q",
                                           *[f"--set={k}={v}" for k, v in settings.items()]], env=self.service.environment(),
                                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                time.sleep(choose.uniform(0, 0.12))
                if victim == "uploader":
                    uploader.kill()
                elif victim == "server":
                    self.service.kill()
                elif victim == "writer":
                    writer.kill()
                _, stderr = writer.communicate(timeout=60)
                self.assertIn(writer.returncode, (0, -signal.SIGKILL), stderr)
                target = (first, second)[number % 2]
                if writer.returncode == 0:  # to what is live already is no move; after a kill nobody knows
                    moves += live not in (target, None)
                live = target if writer.returncode == 0 else None
                self.check_pointers()
                if choose.random() < 0.5 and self.service.process is None:
                    self.service.start()
                if uploader.poll() is not None:
                    uploader.communicate()
                    uploader = self.sync("--follow")
            if self.service.process is None:
                self.service.start()
            last = [m["model_key"] for m in json.loads(self.call("models", "list", "--json").stdout) if m["live"]]
        finally:
            uploader.send_signal(signal.SIGTERM)
            _, stderr = uploader.communicate(timeout=20)
        self.assertEqual(uploader.returncode, 0, stderr)
        self.call("store", "flush")
        objects = self.check_pointers()
        self.assertEqual(objects["models/latest.txt"].decode().split()[0], last[0])
        self.assertGreaterEqual(len([k for k in objects if k.startswith("models/audit/")]), moves)
        self.assertIn("are whole", self.call("models", "verify", **{"store.spool": f"{self.work}/other"}).stdout)
        after = self.status()
        self.assertEqual((after["waiting"], after["refused"]), (0, 0))
        print(f"{ROUNDS} rounds, seed {SEED}: " + ", ".join(f"{v} {k}" for k, v in sorted(counts.items())), f"; {moves} moves", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
