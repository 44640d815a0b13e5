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

    def status(self, expect=0, endpoint=None):
        return json.loads(self.call("store", "status", "--json", expect=expect, endpoint=endpoint).stdout)

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
        waiting = self.status(expect=4)
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

    def test_status_tells_what_waits_and_ends_as_the_service_answers(self):
        self.service.kill()
        self.train()
        told = self.call("store", "status", expect=4)
        self.assertRegex(told.stdout, r"waiting +\d+ objects")
        self.assertIn("cannot be reached", told.stderr)
        relay = services_s3.Relay(self.service.port)
        self.addCleanup(relay.close)
        self.service.start()
        told = self.call("store", "status")
        self.assertIn("which answers", told.stdout)
        relay.delay_s = 3600
        begin = time.monotonic()
        self.status(expect=4, endpoint=f"http://127.0.0.1:{relay.port}")
        self.assertLess(time.monotonic() - begin, 15, "a person waits for it")
        for url, environment, words in ((self.url, {"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "SignatureDoesNotMatch"),
                                        ("s3://absent-bucket", {}, "NoSuchBucket")):
            told = self.drst("store", "status", url=url, environment=environment, expect=3, more=self.more)
            self.assertRegex(told.stdout, r"waiting +\d+ objects")
            self.assertIn(words, told.stderr)
            told = self.drst("store", "status", "--json", url=url, environment=environment, expect=3, more=self.more)
            self.assertIn(words, json.loads(told.stdout)["fault"])

    def test_one_service_by_several_names(self):
        self.service.kill()
        names = [f"{name}:{self.service.port}{end}" for name in ("http://localhost", "HTTP://LocalHost") for end in ("", "/", "//")]
        folders = {self.status(expect=4, endpoint=name)["folder"] for name in names}
        self.assertEqual(len(folders), 1)
        for name in names[:1] + names[-1:]:
            self.call("offline", "--offline", self.table, "--model", "ridge", endpoint=name)
        self.drst("offline", "--offline", self.table, "--model", "ridge", url=self.url + "-other", endpoint=names[0], more=self.more)
        seen = self.status(expect=4)  # at 127.0.0.1
        self.assertEqual(seen["waiting"], 0)
        self.assertEqual([spool["folder"] for spool in seen["elsewhere"]], list(folders), "another prefix is another store")
        self.assertGreaterEqual(seen["elsewhere"][0]["waiting"], 8)
        flush = seen["elsewhere"][0]["flush"]
        self.assertIn(flush, self.call("store", "status", expect=4).stdout)
        self.service.start()
        subprocess.run([DRST, *flush.split()[1:], f"--set=store.spool={self.more['store.spool']}"], env=self.service.environment(), check=True)
        self.assertEqual(self.status()["elsewhere"], [])
        self.assertIn("models/latest.txt", self.check_pointers())

    def test_a_spool_that_cannot_be_written_names_its_setting(self):
        with open(f"{self.work}/a-file", "w", encoding="utf-8"):
            pass
        for words in (("store", "status"), ("offline", "--offline", self.table, "--model", "ridge")):
            told = self.call(*words, expect=1, **{"store.spool": f"{self.work}/a-file"}).stderr
            self.assertIn(f"{self.work}/a-file", told)
            self.assertIn("--set store.spool=DIR", told)

    def test_that_objects_travel_in_the_clear_is_said_once(self):
        told = self.call("store", "status", expect=4, endpoint="http://nowhere.invalid:9").stderr
        self.assertEqual(told.count("in the clear"), 1, told)

    def test_a_flush_that_waits_says_for_what(self):
        self.service.kill()
        self.train()
        self.service.start()
        relay = services_s3.Relay(self.service.port)
        self.addCleanup(relay.close)
        relay.delay_s = 3600
        folder = self.status()["folder"]
        hung = {"s3.endpoint": f"http://127.0.0.1:{relay.port}"}
        other = self.status(expect=4, endpoint=hung["s3.endpoint"])["folder"]
        os.rename(f"{folder}/queue", f"{other}/queue-of-the-other")
        os.rmdir(f"{other}/queue")
        os.rename(f"{other}/queue-of-the-other", f"{other}/queue")

        def flush(**settings):
            settings = {**self.more, **hung, **settings}
            return subprocess.Popen([DRST, "store", "flush", "--store", self.url, *[f"--set={k}={v}" for k, v in settings.items()]],
                                    env=self.service.environment(), stderr=subprocess.PIPE, text=True)

        to_its_deadline = flush(**{"s3.stall_timeout_s": 2, "s3.retries": 20, "s3.deadline_s": 9})
        _, stderr = to_its_deadline.communicate(timeout=30)
        self.assertEqual(to_its_deadline.returncode, 4, stderr)
        self.assertRegex(stderr, r"waits since \d+ s to \w+ object 'models/[^']+' in s3://\S+: try [2-9]; the one before: \w+.*; \d+ objects wait in")
        self.assertLess(stderr.count("waits since"), 3)
        first = flush()
        seen = len(relay.seen)
        while len(relay.seen) == seen:  # until it has the queue
            time.sleep(0.01)
            self.assertIsNone(first.poll())
        second = flush()
        time.sleep(6)
        begin = time.monotonic()
        told = []
        for process in (second, first):
            process.send_signal(signal.SIGTERM)
            told.append(process.communicate(timeout=20)[1])
            self.assertEqual(process.returncode, 130, told[-1])
        self.assertLess(time.monotonic() - begin, 5)
        self.assertRegex(told[0], "waits since .* for another process of this machine")
        self.assertRegex(told[1], "waits since .* try 1, unanswered so far")

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
