#!/usr/bin/env python3
"""drst collect on real processes of this machine: beside perf stat, onto a log under a live drst infer, with parts that vanish.

Needs DRST (the program) and perf (package linux-perf). Python's standard library only.
"""
import contextlib
import csv
import http.server
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
DRST = os.environ.get("DRST", os.path.join(HERE, "..", "build", "bin", "drst"))
VNFS = ["firewall", "nf_router", "ndpi_stats", "payload_scan", "bridge"]

# Works by the clock: each 10 ms so many page faults and so much computing, or as much as the file `load` says.
WORKER = """
import mmap, os, sys, time
load, due = sys.argv[1] if len(sys.argv) > 1 else "", time.monotonic()
work = 20
while True:
    due += 0.01
    if load:
        try:
            work = int(open(load).read() or 20)
        except (OSError, ValueError):
            pass
    with mmap.mmap(-1, 4096 * work) as pages:
        for page in range(work):
            pages[page * 4096] = 1
    total = 0
    for n in range(work * 300):
        total += n * n
    time.sleep(max(0, due - time.monotonic()))
"""


# A wall clock that the test sets: the file CLOCK_STEP holds seconds to add. Time since a start goes on as it does.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec* now) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  int code = real(which, now);
  const char* name = getenv("CLOCK_STEP");
  FILE* file = which == CLOCK_REALTIME && name ? fopen(name, "re") : NULL;
  long step = 0;
  if (file) {
    if (fscanf(file, "%ld", &step) == 1) now->tv_sec += step;
    fclose(file);
  }
  return code;
}
"""


def vnf(name, *args):
    """A process whose program is called `name`."""
    return subprocess.Popen([name, "-c", WORKER, *args], executable=sys.executable)


def ended(process, sig=signal.SIGKILL):
    process.send_signal(sig)
    return process.wait(timeout=20)


def drst(*args, expect=0, timeout=60):
    done = subprocess.run([DRST, *args], capture_output=True, text=True, check=False, timeout=timeout)
    if done.returncode != expect:
        raise AssertionError(f"drst {' '.join(args)} ended with {done.returncode}, not {expect}:\n{done.stderr[-3000:]}{done.stdout[-1000:]}")
    return done


def read_table(path):
    """Index and columns by name, of numbers or None."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    columns = {name: [float(row[i + 1]) if row[i + 1] else None for row in rows[1:]] for i, name in enumerate(rows[0][1:])}
    return [int(row[0]) for row in rows[1:]], columns


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"no {what} in {seconds} s")


class Collect(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="drst-collect-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def path(self, name):
        return os.path.join(self.folder, name)

    def chain(self, text, name="chain.toml"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, process):
        self.stack.callback(lambda: process.poll() is None and ended(process))
        return process

    def popen(self, *args, **variables):
        log = open(self.path(f"log-{time.monotonic_ns()}"), "w+", encoding="utf-8")
        self.stack.callback(log.close)
        process = self.start(subprocess.Popen([DRST, *args], stdout=log, stderr=log, env={**os.environ, **variables}))
        process.words = lambda: read_text(log.name)
        return process

    def finish(self, process, expect=0, timeout=60):
        try:
            code = process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s:\n{process.words()[-3000:]}") from None
        if code != expect:
            raise AssertionError(f"ended with {code}, not {expect}:\n{process.words()[-3000:]}")


class BesidePerf(Collect):
    def test_ours_and_perfs_text_and_json_agree(self):
        worker = self.start(vnf("drst-nat"))
        time.sleep(0.3)
        events = "task-clock,page-faults,context-switches"
        perf = ["perf", "stat", "-I", "1000", "-e", events, "-p", str(worker.pid)]
        listed = json.dumps(events.split(","))
        chain = self.chain(f"""
            chain = "one"
            [[source]]
            type = "perf"
            vnf = "ours"
            pid = {worker.pid}
            events = {listed}
            [[source]]
            type = "perf_stat"
            vnf = "text"
            command = {json.dumps(perf + ["-x,"])}
            events = {listed}
            [[source]]
            type = "perf_stat"
            vnf = "json"
            command = {json.dumps(perf + ["-j"])}
            events = {listed}
            """)
        # A perf of its own, into a file, in the same seconds.
        apart = self.start(subprocess.Popen(perf + ["-x,", "-o", self.path("apart.csv")]))
        drst("collect", chain, "--csv", self.path("one.csv"), "--rows", "10")
        ended(apart, signal.SIGINT)
        _, columns = read_table(self.path("one.csv"))
        counts = {}
        with open(self.path("apart.csv"), encoding="utf-8") as file:
            for fields in csv.reader(file):
                if len(fields) > 4 and fields[0].strip()[0].isdigit():
                    counts.setdefault(fields[3], []).append(float(fields[1]))
        for event in events.split(","):
            ours = mean(columns[f"ours_{event}"])
            self.assertGreater(ours, 0, event)
            for name in ("text", "json"):
                theirs = mean(columns[f"{name}_{event}"])
                # Switches are a hundred a second: a few of one edge are some percent.
                self.assertLess(abs(ours - theirs), (0.02 if event != "context-switches" else 0.1) * theirs, f"{event}: {ours}, {name} {theirs}")
        # Its seconds are not quite ours; the worker's faults are the same in each.
        ours, theirs = mean(columns["ours_page-faults"]), mean(counts["page-faults"][1:-1])
        self.assertLess(abs(ours - theirs), 0.02 * theirs)
        _, shares = read_table(self.path("one.quality.csv"))
        self.assertEqual(mean(shares["ours_task-clock"]), 1)


class Files(Collect):
    def test_a_signal_ends_it_and_append_goes_on(self):
        self.start(vnf("drst-nat"))
        chain = self.chain('[[source]]\ntype = "perf"\nvnf = "nat"\nprocess = "drst-nat"\nevents = ["task-clock"]\n'
                           '[[source]]\ntype = "nic"\ninterface = "lo"\nrename = { lo_rx_mbit = "input_rate" }\n')
        process = self.popen("collect", chain, "--csv", self.path("a.csv"), "--interval", "0.1")
        wait_for("rows", lambda: os.path.exists(self.path("a.csv")) and len(read_table(self.path("a.csv"))[0]) > 5)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.finish(process)
        self.assertLess(time.monotonic() - begun, 5)
        rows = len(read_table(self.path("a.csv"))[0])
        drst("collect", chain, "--csv", self.path("a.csv"), "--rows", "3", expect=3)
        process = self.popen("collect", chain, "--csv", self.path("a.csv"), "--interval", "0.1", "--append")
        wait_for("more rows", lambda: len(read_table(self.path("a.csv"))[0]) > rows + 5)
        ended(process)  # kill -9
        drst("collect", chain, "--csv", self.path("a.csv"), "--interval", "0.1", "--append", "--seconds", "0.5")
        index, columns = read_table(self.path("a.csv"))
        self.assertGreater(len(index), rows + 10)
        self.assertEqual(index.count(0), 3, "each start is an experiment")
        self.assertEqual(list(columns)[0], "input_rate")
        self.assertGreater(mean(columns["nat_task-clock"]), 0)
        with open(self.path("a.provenance.json"), encoding="utf-8") as file:
            provenance = json.load(file)
        self.assertIn("kernel", provenance["host"])
        self.assertIn("cpu_model", provenance["host"])
        drst("drift", "scan", self.path("a.csv"), expect=3)  # too few rows, but a table

    def test_ten_a_second_lose_no_tick(self):
        self.start(vnf("drst-nat"))
        chain = self.chain('[[source]]\ntype = "perf"\nvnf = "nat"\nprocess = "drst-nat"\nevents = ["task-clock", "page-faults"]\n')
        done = drst("collect", chain, "--csv", self.path("a.csv"), "--interval", "0.1", "--rows", "50")
        index, _ = read_table(self.path("a.csv"))
        missed = int(done.stderr.split(" missed ticks")[0].split()[-1])
        self.assertEqual(index[-1], 49 + missed)
        self.assertLessEqual(missed, 2, done.stderr)

    def test_followed_files_commands_and_pages(self):
        page = {"n": 0}

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                page["n"] += 50
                body = f'# TYPE packets_total counter\npackets_total{{port="0"}} {page["n"]}\n# TYPE depth gauge\ndepth 7\n'.encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)
        url = f"http://127.0.0.1:{server.server_port}/metrics"
        with open(self.path("tx.csv"), "w", encoding="utf-8") as file:
            file.write("Time,Device,Direction,PacketRate,Mbit,MbitWithFraming,TotalPackets,TotalBytes\n")
        stop = threading.Event()
        self.stack.callback(stop.set)

        def grow():
            second = 0
            while not stop.wait(0.5):
                second += 1
                with open(self.path("tx.csv"), "a", encoding="utf-8") as file:
                    file.write(f"{second},0,TX,1.5,{100 + second},120,1,1\n")

        threading.Thread(target=grow, daemon=True).start()
        chain = self.chain(f"""
            [[source]]
            type = "moongen"
            name = "tx"
            file = "{self.path('tx.csv')}"
            rename = {{ tx_rate = "input_rate" }}
            [[source]]
            type = "prometheus"
            url = "{url}"
            metrics = [{{ metric = "packets_total{{port=\\"0\\"}}", column = "pps" }}, "depth"]
            [[source]]
            type = "latency"
            unit = "us"
            command = ["sh", "-c", "for i in 1 2 3; do echo $i 17.5; sleep 0.4; done"]
            """)
        drst("collect", chain, "--csv", self.path("a.csv"), "--interval", "0.5", "--rows", "12")
        _, columns = read_table(self.path("a.csv"))
        rates = [value for value in columns["input_rate"] if value is not None]
        self.assertGreaterEqual(len(rates), 9)
        self.assertTrue(all(100 < rate < 130 for rate in rates))
        self.assertAlmostEqual(mean(columns["pps"]), 100, delta=6)
        self.assertEqual(columns["depth"][-1], 7)
        # The command ends after 1.2 s, and is started again.
        latencies = columns["latency"]
        self.assertGreaterEqual(sum(value == 17.5 for value in latencies), 4)


class DryRun(Collect):
    def test_says_what_each_source_gives_and_what_the_kernel_refuses(self):
        self.start(vnf("drst-nat"))
        chain = self.chain('[[source]]\ntype = "perf"\nvnf = "nat"\nprocess = "drst-nat"\nevents = ["task-clock", "rffffffffffffffff"]\n'
                           '[[source]]\ntype = "nic"\ninterface = "drst-none0"\n')
        text = drst("collect", chain, "--dry-run", "--interval", "0.3").stdout
        self.assertIn("perf nat: there: rffffffffffffffff: ", text)
        self.assertIn("nat_task-clock", text)
        self.assertIn("drst-none0", text)
        self.assertIn("perf_event_paranoid", text)
        told = json.loads(drst("collect", chain, "--dry-run", "--json", "--interval", "0.3").stdout)
        self.assertTrue(told["sources"][0]["present"])
        self.assertFalse(told["sources"][1]["present"])
        self.assertGreater(told["sources"][0]["columns"]["nat_task-clock"]["value"], 0)
        self.assertIsNone(told["sources"][0]["columns"]["nat_rffffffffffffffff"]["value"])

    def test_nothing_there_is_a_failure(self):
        chain = self.chain('[[source]]\ntype = "perf"\nvnf = "nat"\nprocess = "drst-no-such"\n')
        done = drst("collect", chain, "--dry-run", "--interval", "0.2", expect=1)
        self.assertIn("no process is named 'drst-no-such'", done.stdout)


class WrongInput(Collect):
    def test_each_says_what_and_where(self):
        good = '[[source]]\ntype = "nic"\ninterface = "lo"\n'
        for text, words, code in ((good.replace('"nic"', '"nik"'), "chain.toml:", 3), (good + 'interfase = "x"\n', "interfase", 3),
                                  ("", "chain.toml", 3), ("[[source]\n", "chain.toml:1", 3), (good + good, "rename", 3),
                                  ('[[source]]\ntype = "perf"\nvnf = "a"\npid = 1\nevents = ["instruction"]\n', "did you mean 'instructions'", 3)):
            chain = self.chain(text)
            done = drst("collect", chain, "--csv", self.path("x.csv"), "--rows", "1", "--interval", "0.1", expect=code)
            self.assertIn(words, done.stderr, text)
            self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("x.")], [], text)
        chain = self.chain(good)
        drst("collect", chain, expect=2)
        drst("collect", chain, "--csv", self.path("x.csv"), "--log", f"embedded:{self.path('log')}", expect=2)
        drst("collect", self.path("nothing.toml"), "--csv", self.path("x.csv"), expect=3)
        drst("collect", chain, "--csv", self.folder, expect=3)
        drst("collect", chain, "--csv", self.path("x.csv"), "--interval", "0", expect=2)
        drst("collect", chain, "--csv", self.path("x.csv"), "--rows", "-1", expect=2)


class Live(Collect):
    """Five processes whose work follows a load; a generator's file has the rate of that load."""

    def test_a_live_chain_is_predicted_and_outlives_a_killed_vnf(self):
        processes = {}
        for name in VNFS:
            processes[name] = self.start(vnf(f"drst-{name}"[:15], self.path("load")))
        with open(self.path("tx.csv"), "w", encoding="utf-8") as file:
            file.write("Time,Device,Direction,PacketRate,Mbit,MbitWithFraming,TotalPackets,TotalBytes\n")
        stop = threading.Event()
        self.stack.callback(stop.set)

        def generate():
            second = 0
            while not stop.is_set():
                second += 1
                work = 12 + (second // 7 * 5) % 17
                with open(self.path("load.new"), "w", encoding="utf-8") as file:
                    file.write(str(work))
                os.replace(self.path("load.new"), self.path("load"))
                stop.wait(0.1)
                with open(self.path("tx.csv"), "a", encoding="utf-8") as file:
                    file.write(f"{second},0,TX,1,{work * 10},1,1,1\n")

        threading.Thread(target=generate, daemon=True).start()
        sources = "".join(f'[[source]]\ntype = "perf"\nvnf = "{name}"\nprocess = "{f"drst-{name}"[:15]}"\n'
                          'events = ["task-clock", "page-faults", "context-switches"]\n' for name in VNFS)
        chain = self.chain(f'chain = "edge"\n{sources}[[source]]\ntype = "moongen"\nname = "tx"\nfile = "{self.path("tx.csv")}"\n'
                           'rename = { tx_rate = "input_rate" }\n')
        drst("collect", chain, "--csv", self.path("train.csv"), "--interval", "0.1", "--rows", "250")
        store, log = f"file:{self.path('store')}", f"embedded:{self.path('log')}"
        trained = drst("offline", "--offline", self.path("train.csv"), "--target", "input_rate", "--model", "extra_trees", "--store", store, timeout=120)
        self.assertIn("baseline", trained.stdout)
        with open(self.path("clock.c"), "w", encoding="utf-8") as file:
            file.write(CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.path("clock.so"), self.path("clock.c"), "-ldl"], check=True)

        def step_clock(seconds):
            with open(self.path("step.new"), "w", encoding="utf-8") as file:
                file.write(str(seconds))
            os.replace(self.path("step.new"), self.path("step"))

        step_clock(0)
        clock = {"LD_PRELOAD": self.path("clock.so"), "CLOCK_STEP": self.path("step")}
        collector = self.popen("collect", chain, "--log", log, "--store", store, "--run-id", "live", "--interval", "0.1", "--rows", "200",
                               "--target", "input_rate", **clock)
        infer = self.popen("infer", "--log", log, "--store", store, "--set", "model.targets=[\"input_rate\"]", **clock)
        time.sleep(5)
        victim = processes["ndpi_stats"]
        ended(victim)
        time.sleep(3)
        for seconds in (100, 4000, -3600):
            step_clock(seconds)
            time.sleep(1)
        self.assertIsNone(collector.poll(), collector.words())
        self.assertIsNone(infer.poll(), infer.words())
        processes["ndpi_stats"] = self.start(vnf("drst-ndpi_stats"[:15], self.path("load")))
        self.finish(collector)
        self.finish(infer)
        self.assertIn("perf ndpi_stats: missing", collector.words())
        self.assertIn("perf ndpi_stats: there", collector.words())
        words = infer.words()
        self.assertIn("200 records, 200 predicted, 0 dead letters, 0 repeats", words)
        self.assertIn("lack inputs of the models, which are imputed: ndpi_stats_task-clock", words)
        accuracy, labelled = re.search(r"adaptive ([0-9.]+) % of (\d+) labelled", words).groups()
        self.assertGreater(float(accuracy), 50, words)  # its counters tell this chain's rate
        self.assertGreater(int(labelled), 150, words)
        with open(self.path("store/results/collect/live.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["chain"], "edge")
        drst("report", "--log", log, "--store", store, "--run-id", "live", "--out", self.path("report"), "--set", "model.targets=[\"input_rate\"]")
        with open(self.path("report/summary.json"), encoding="utf-8") as file:
            records = json.load(file)["records"]
        self.assertEqual((records["predicted"], records["lost"], records["duplicates"]), (200, 0, 0))
        # The run has ended.
        drst("collect", chain, "--log", log, "--run-id", "live", "--interval", "0.1", "--rows", "1", "--target", "input_rate", expect=3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
