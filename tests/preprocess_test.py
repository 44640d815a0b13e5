#!/usr/bin/env python3
"""drst preprocess on the real bundles, held to a count and a reading of the same bytes that share nothing with DRST's readers.

Needs DRST (the program) and DRST_DATA (real measurements). Python's standard library only.
"""
import collections
import csv
import gzip
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
DRST = os.environ.get("DRST", os.path.join(HERE, "..", "build", "bin", "drst"))
DATA = os.environ.get("DRST_DATA", "")
EXCERPTS = os.path.join(DATA, "raw", "excerpts.tar.xz")
PCM = os.path.join(DATA, "pcm", "const-1gbps.tar.xz")
PUBLISHED = os.path.join(DATA, "perf", "resource_stimulus_global_A-B-C_modified.csv")

VNFS = ["firewall", "nf_router", "ndpi_stats", "payload_scan", "bridge"]
EVENTS = ["instructions", "branches", "branch-misses", "branch-load-misses", "cache-misses", "cache-references", "cycles",
          "L1-dcache-load-misses", "L1-dcache-loads", "LLC-load-misses", "LLC-stores", "LLC-loads"]
KPIS = ["input_rate", "output_rate", "latency"]
NAN = math.nan


def drst(*args, expect=0, **kwargs):
    done = subprocess.run([DRST, *args], capture_output=True, text=True, check=False, **kwargs)
    if done.returncode != expect:
        raise AssertionError(f"drst {' '.join(args)} ended with {done.returncode}, not {expect}:\n{done.stderr[-2000:]}")
    return done


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def read_table(path):
    """Names and rows of numbers; the index apart."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0][1:], [int(row[0]) for row in rows[1:]], [[float(cell) if cell.strip() else NAN for cell in row[1:]] for row in rows[1:]]


def same(a, b):
    return (math.isnan(a) and math.isnan(b)) or a == b


def members(path):
    """Folder -> name -> bytes of an archive."""
    folders = collections.defaultdict(dict)
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                folder, name = os.path.split(os.path.normpath(member.name))
                folders[folder][name] = archive.extractfile(member).read()
    return folders


def natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def kept_lines(data):
    """Lines without the marks of conflicts and their second side."""
    lines, side = [], 0
    for line in data.decode().split("\n"):
        line = line.rstrip("\r")
        if line.startswith("<<<<<<<"):
            side = 1
        elif line == "=======":
            side = 2
        elif line.startswith(">>>>>>>"):
            side = 0
        elif side != 2 and line.strip():
            lines.append(line)
    return lines


def is_pcm(files):
    return any(name.endswith("-pcm.csv") or name in ("pcm-memory.csv", "pcm-pcie.csv") for name in files if not name.startswith("."))


def column(lines, name):
    reader = csv.DictReader(lines)
    return [float(row[name]) for row in reader]


def latencies(lines):
    raw = [float(re.split(r"[ ,]", line)[-1]) for line in lines]
    known = sorted(value for value in raw if value != 15000000)
    nanoseconds = len(known) < len(raw) or (known and known[len(known) // 2] >= 1000)
    return [NAN if value == 15000000 else value / 1000 if nanoseconds else value for value in raw]


class Bundles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(EXCERPTS):
            raise unittest.SkipTest("DRST_DATA does not name the folder of real measurements")
        cls.work = tempfile.mkdtemp(prefix="drst-preprocess-")
        cls.raw = members(EXCERPTS)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(getattr(cls, "work", ""), ignore_errors=True)

    def path(self, name):
        return os.path.join(self.work, name)

    def expected_dirt(self, folders, read):
        """Counts of what `read(name)` says is read, by kind; file -> kind -> lines."""
        found = collections.Counter()
        by_file = collections.defaultdict(dict)
        for folder, files in folders.items():
            for name, data in files.items():
                if not read(name):
                    continue
                lines = data.split(b"\n")
                ends = lines[:-1]
                notes = {
                    "crlf": [i + 1 for i, line in enumerate(ends) if line.endswith(b"\r")],
                    "conflict_marker": [i + 1 for i, line in enumerate(lines) if re.match(rb"(<<<<<<<|=======|>>>>>>>)[ \r]|(=======)$", line)],
                    "bom": [1] if data.startswith(b"\xef\xbb\xbf") else [],
                    "empty_file": [0] if not data else [],
                }
                for kind, where in notes.items():
                    if where:
                        found[kind] += len(where)
                        by_file[f"{folder}/{name}"][kind] = where
        return found, by_file

    def compare_dirt(self, out, expected, by_file):
        report = read_json(f"{out}/dirt.json")
        for kind, count in expected.items():
            self.assertEqual(report["totals"].get(kind, {"count": 0})["count"], count, kind)
        told = collections.defaultdict(dict)
        for entry in report["files"]:
            name = entry["file"].split("excerpts.tar.xz:")[-1]
            for kind in ("crlf", "conflict_marker", "bom"):
                if kind in entry:
                    lines = [line for first, last in entry[kind]["lines"] for line in range(first, last + 1)]
                    self.assertEqual(len(lines), entry[kind]["count"])
                    told[name][kind] = lines
        for notes in by_file.values():
            notes.pop("empty_file", None)
        self.assertEqual({name: notes for name, notes in told.items() if notes}, {name: notes for name, notes in by_file.items() if notes})


class Perf(Bundles):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.out = f"{cls.work}/perf"
        cls.done = drst("preprocess", "perf", EXCERPTS, "--out", cls.out)
        cls.bundles = {folder: files for folder, files in cls.raw.items()
                       if not is_pcm(files) and any(f"{vnf}.csv" in files for vnf in VNFS)}

    def expected_table(self, files):
        counts, length = {}, 0
        for vnf in VNFS:
            times = []
            for line in kept_lines(files.get(f"{vnf}.csv", b"")):
                fields = line.split(",")
                if len(fields) < 4 or fields[3] not in EVENTS:
                    continue
                if not times or times[-1] != fields[0]:
                    times.append(fields[0])
                value = NAN if fields[1].startswith("<") else float(fields[1])
                counts[f"{vnf}_{fields[3]}", len(times) - 1] = value
                if f"{vnf}_{fields[3]}" == "firewall_instructions":
                    length = len(times)
        series = [column(kept_lines(files["tx_stats.csv"]), "Mbit"), column(kept_lines(files["rx_stats.csv"]), "Mbit"), []]
        for name in ("latency.csv", "latency_old.csv", "latency-old.csv"):
            if kept_lines(files.get(name, b"")):
                series[2] = latencies(kept_lines(files[name]))
                break
        table = []
        for row in range(length):
            cells = [values[row] if row < len(values) else NAN for values in series]
            cells += [counts.get((f"{vnf}_{event}", row), NAN) for event in EVENTS for vnf in VNFS]
            table.append(cells)
        return table

    def test_every_cell_of_every_experiment(self):
        names = KPIS + [f"{vnf}_{event}" for event in EVENTS for vnf in VNFS]
        self.assertEqual(len(names), 63)
        self.assertEqual(len(self.bundles), 148)
        for folder, files in self.bundles.items():
            columns, index, rows = read_table(f"{self.out}/experiments/{folder}.csv")
            expected = self.expected_table(files)
            self.assertEqual(columns, names)
            self.assertEqual(index, list(range(len(expected))), folder)
            for got, want in zip(rows, expected):
                for name, a, b in zip(names, got, want):
                    self.assertTrue(same(a, b), f"{folder} {name}: {a}, not {b}")

    def test_scenarios_are_merged_in_natural_order(self):
        scenarios = collections.defaultdict(list)
        for folder in self.bundles:
            scenarios[os.path.dirname(folder)].append(os.path.basename(folder))
        for scenario, experiments in scenarios.items():
            name = scenario.replace("/", "-")
            _, _, rows = read_table(f"{self.out}/{name}.csv")
            provenance = read_json(f"{self.out}/{name}.provenance.json")
            expected = []
            told = [entry["experiment"] for entry in provenance["experiments"]]
            self.assertEqual(told, sorted(experiments, key=natural))
            for entry in provenance["experiments"]:
                self.assertEqual(entry["first_row"], len(expected))
                expected += self.expected_table(self.bundles[f"{scenario}/{entry['experiment']}"])
            self.assertEqual(provenance["rows"], len(expected))
            self.assertEqual(len(rows), len(expected))
            for got, want in zip(rows, expected):
                self.assertTrue(all(same(a, b) for a, b in zip(got, want)))

    def test_dirt_is_what_an_independent_count_finds(self):
        files_read = {f"{vnf}.csv" for vnf in VNFS} | {"tx_stats.csv", "rx_stats.csv", "latency.csv", "latency_old.csv",
                                                       "latency-old.csv", "nf_out.csv"}
        expected, by_file = self.expected_dirt(self.bundles, lambda name: name in files_read)
        expected["missing_vnf"] = sum(f"{vnf}.csv" not in files for files in self.bundles.values() for vnf in VNFS)
        expected["missing_file"] = sum((name not in files) for files in self.bundles.values() for name in ("tx_stats.csv", "rx_stats.csv"))
        expected["missing_file"] += sum(not any(name.startswith("latency") for name in files) for files in self.bundles.values())
        for files in self.bundles.values():
            for vnf in VNFS:
                for line in kept_lines(files.get(f"{vnf}.csv", b"")):
                    fields = line.split(",")
                    if len(fields) > 3 and fields[3] in EVENTS and fields[1] == "<not counted>":
                        expected["not_counted"] += 1
            for name in ("latency.csv", "latency_old.csv", "latency-old.csv"):
                expected["probe_time_out"] += sum(re.split("[ ,]", line)[-1] == "15000000" for line in kept_lines(files.get(name, b"")))
            # What the other side of a conflict had.
            for name in files_read & set(files):
                kept = sum(1 for line in kept_lines(files[name]))
                every = sum(1 for line in files[name].decode().split("\n") if line.strip() and line.strip()[:7] not in ("<<<<<<<", "=======", ">>>>>>>"))
                expected["conflict_dropped"] += every - kept
        texts = collections.Counter(b"".join(files.get(f"{vnf}.csv", b"") for vnf in VNFS) for files in self.bundles.values())
        expected["duplicate_experiment"] = sum(count - 1 for count in texts.values())
        for kind in ("ragged_row", "bad_cell", "time_backwards", "wrapped_missing", "wrapped_restored", "duplicate_event", "unsafe_entry"):
            expected[kind] += 0
        self.assertGreater(expected["conflict_marker"], 40)
        self.compare_dirt(self.out, expected, by_file)
        for kind, count in expected.items():
            if count > 0:
                self.assertRegex(self.done.stdout, rf"(?m)^{kind} +{count} in ")

    def test_counter_quality_is_kept(self):
        shares, rows = [], 0
        for folder, files in self.bundles.items():
            if os.path.dirname(folder) != "resource_stimulus":
                continue
            names, _, table = read_table(f"{self.out}/experiments/{folder}.quality.csv")
            for vnf in VNFS:
                for line in kept_lines(files[f"{vnf}.csv"]):
                    fields = line.split(",")
                    if len(fields) > 6 and fields[3] in EVENTS:
                        self.assertAlmostEqual(table[0][names.index(f"{vnf}_{fields[3]}")], float(fields[6]) / 100, places=9)
                        shares.append(float(fields[6]) / 100)
            rows += 1
        _, _, merged = read_table(f"{self.out}/resource_stimulus.quality.csv")
        self.assertEqual(len(merged), rows)
        self.assertGreater(len(shares), 3000)

    def test_the_published_table_comes_out_again(self):
        """Its experiments' first rows are in the excerpts."""
        with open(self.path("subsets.toml"), "w", encoding="utf-8") as file:
            file.write('[resource_stimulus_global_A-B-C_modified]\nexperiments = ["resource_stimulus/exp-[3-7]-[13]-[1-5]"]\n')
        out = self.path("subset")
        drst("preprocess", "perf", EXCERPTS, "--out", out, "--subsets", self.path("subsets.toml"), "--rate-column", "MbitWithFraming",
             "--set", "preprocess.latency_probes_per_row=2")
        names, _, rows = read_table(f"{out}/resource_stimulus_global_A-B-C_modified.csv")
        published, index, table = read_table(PUBLISHED)
        first = [row for i, row in zip(index, table) if i == 0]
        self.assertEqual(len(rows), 50)
        self.assertEqual(len(first), 50)
        compared = 0
        for ours, theirs in zip(rows, first):
            for name, value in zip(published, theirs):
                if name in names and not math.isnan(ours[names.index(name)]):
                    self.assertAlmostEqual(ours[names.index(name)], value, places=9, msg=name)
                    compared += 1
        self.assertGreater(compared, 50 * 35)

    def test_folders_and_archives_of_all_sorts_give_the_same(self):
        tree = self.path("tree")
        with tarfile.open(EXCERPTS) as archive:
            archive.extractall(tree)
        with tarfile.open(self.path("again.tar.gz"), "w:gz") as archive:
            archive.add(tree, arcname=".")
        with zipfile.ZipFile(self.path("again.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            for folder, _, files in os.walk(tree):
                for name in files:
                    full = os.path.join(folder, name)
                    archive.write(full, os.path.relpath(full, tree))
        # Single files may be compressed, too; and archives may lie inside trees.
        packed = f"{tree}/fixed_rate/fixed_rate_5000/bridge.csv"
        with gzip.open(f"{packed}.gz", "wb") as file:
            file.write(read_bytes(packed))
        os.remove(packed)
        for i, source in enumerate((tree, self.path("again.tar.gz"), self.path("again.zip"))):
            drst("preprocess", "perf", source, "--out", self.path(f"same{i}"), "--threads", str(i))
            for name in sorted(os.listdir(self.out)):
                if name.endswith(".csv"):
                    self.assertEqual(read_bytes(f"{self.out}/{name}"), read_bytes(self.path(f"same{i}/{name}")), f"{source} {name}")
            totals = read_json(self.path(f"same{i}/dirt.json"))["totals"]
            self.assertEqual(totals, read_json(f"{self.out}/dirt.json")["totals"])

    def test_strict_and_json_and_wrong_usage(self):
        out = self.path("strict")
        done = drst("preprocess", "perf", EXCERPTS, "--out", out, "--strict", "--json", expect=3)
        self.assertEqual(json.loads(done.stdout)["dirt"]["conflict_marker"], {"count": 46, "files": 45})
        self.assertIn("--strict", done.stderr)
        self.assertEqual(os.listdir(out), ["dirt.json"])
        drst("preprocess", "perf", EXCERPTS, expect=2)
        drst("preprocess", "perf", "--out", out, expect=2)
        drst("preprocess", "perf", self.path("nowhere"), "--out", out, expect=3)
        drst("preprocess", "perf", PCM, "--out", out, expect=3)
        drst("preprocess", "perf", EXCERPTS, "--out", out, "--latency-unit", "minutes", expect=2)
        drst("preprocess", "perf", EXCERPTS, "--out", self.out, expect=3)


class Pcm(Bundles):
    def expected_columns(self, files):
        """Column -> values, for one bundle, each as long as its source."""
        columns = {}
        for name, source in (("tx_stats.csv", "input_rate"), ("rx_stats.csv", "output_rate")):
            if name in files:
                columns[source] = column(kept_lines(files[name]), "Mbit")
        if "latency.csv" in files:
            columns["latency"] = latencies(kept_lines(files["latency.csv"]))
        for name, data in files.items():
            if name.startswith(".") or not (name.endswith("-pcm.csv") or name == "pcm-memory.csv"):
                continue
            rows = list(csv.reader(kept_lines(data)))
            seen = collections.Counter()
            for i, (group, head) in enumerate(zip(rows[0], rows[1])):
                title = f"{group}-{head}" if group else head
                if head in ("Date", "Time") or (not group and not head):
                    continue
                seen[title] += 1
                title += f".{seen[title] - 1}" if seen[title] > 1 else ""
                columns[f"{name[:-4]}_{title}"] = [self.cell(row[i]) for row in rows[2:]]
        if "pcm-pcie.csv" in files:
            head, blocks = None, []
            for row in csv.reader(kept_lines(files["pcm-pcie.csv"])):
                if "Skt" in row:
                    head, at = row, row.index("Skt")
                    blocks.append({})
                    continue
                value, kind = re.fullmatch(r"(\d+)(?:\((\w+)\))?", row[-1]).groups("Total")
                for title, text in zip(head[at + 1:], row[at + 1:-1] + [value]):
                    blocks[-1][f"pcm-pcie_skt-{row[at]}_{title}-{kind.lower()}"] = float(text)
            size = max(len(block) for block in blocks)
            blocks = [block for block in blocks if len(block) == size]
            for title in blocks[0]:
                columns[title] = [block[title] for block in blocks]
        if "nf_out.csv" in files:
            seconds, vnfs = [], []
            for line in kept_lines(files["nf_out.csv"]):
                fields = line.split(",")
                if not seconds or fields[0] in seconds[-1]:
                    seconds.append({})
                seconds[-1][fields[0]] = fields
                if fields[0] not in vnfs:
                    vnfs.append(fields[0])
            for vnf in vnfs:
                for title, place in (("rx_pps", 4), ("act_returned", 20)):
                    columns[f"nf_out_{vnf}-{title}"] = [float(second[vnf][place]) if vnf in second else NAN for second in seconds]
        return columns

    @staticmethod
    def cell(text):
        text = text.strip()
        if not text:
            return NAN
        value = float(text)
        if "." in text and abs(value - 2**64 / 1e9) < 1e4:
            return 0.0 if abs(value - 2**64 / 1e9) < 0.0051 else NAN
        return value

    def check(self, table, files):
        names, _, rows = read_table(table)
        expected = self.expected_columns(files)
        length = min(len(values) for values in expected.values() if values)
        self.assertEqual(len(rows), length, table)
        for title, values in expected.items():
            at = names.index(title)
            for row in range(length):
                want = values[row] if row < len(values) else NAN
                self.assertTrue(same(rows[row][at], want), f"{table} {title} row {row}: {rows[row][at]}, not {want}")
        return len(rows), len(names)

    def test_the_whole_bundle(self):
        out = self.path("pcm-whole")
        drst("preprocess", "pcm", PCM, "--out", out)
        files = members(PCM)["const-1gbps"]
        self.assertEqual(self.check(f"{out}/pcm_global.csv", files), (1390, 3 + 7 * 96 + 27 + 42 + 5 * 17))
        totals = read_json(f"{out}/dirt.json")["totals"]
        crlf = sum(data.count(b"\r\n") for data in files.values())
        outs = sum(line.endswith("15000000") for line in kept_lines(files["latency.csv"]))
        self.assertEqual({kind: entry["count"] for kind, entry in totals.items()}, {"crlf": crlf, "probe_time_out": outs})

    def test_the_excerpts(self):
        out = self.path("pcm-excerpts")
        drst("preprocess", "pcm", EXCERPTS, "--out", out)
        bundles = {folder: files for folder, files in self.raw.items() if is_pcm(files)}
        self.assertEqual(len(bundles), 27)
        rows = 0
        for folder, files in bundles.items():
            where = folder if os.path.dirname(folder) else f"excerpts/{folder}"
            rows += self.check(f"{out}/experiments/{where}.csv", files)[0]
        _, index, table = read_table(f"{out}/pcm_global.csv")
        self.assertEqual(len(table), rows)
        self.assertEqual(index.count(0), len(bundles))
        known = {"tx_stats.csv", "rx_stats.csv", "latency.csv", "nf_out.csv", "pcm-memory.csv", "pcm-pcie.csv"}
        expected, by_file = self.expected_dirt(bundles, lambda name: name in known or (name.endswith("-pcm.csv") and name[0] != "."))
        cells = [text for files in bundles.values() for name, data in files.items() if name.endswith("-pcm.csv") and name[0] != "."
                 for line in kept_lines(data) for text in line.split(",") if text.startswith("184467440")]
        expected["wrapped_restored"] = sum(text == "18446744073.71" for text in cells)
        expected["wrapped_missing"] = len(cells) - expected["wrapped_restored"]
        expected["missing_vnf"] = sum(f"{vnf}-pcm.csv" not in files for files in bundles.values() for vnf in VNFS)
        self.assertGreater(len(cells), 30)
        self.compare_dirt(out, expected, by_file)


class Interrupted(Bundles):
    def test_nothing_is_left_of_an_interrupted_run(self):
        tree = self.path("long")
        with tarfile.open(EXCERPTS) as archive:
            archive.extractall(tree)
        big = read_bytes(f"{tree}/resource_stimulus/exp1/firewall.csv") * 2000
        for folder, _, files in os.walk(tree):
            if "firewall.csv" in files:
                with open(f"{folder}/firewall.csv", "wb") as file:
                    file.write(big)
        out = self.path("long-out")
        child = subprocess.Popen([DRST, "preprocess", "perf", tree, "--out", out, "--threads", "1"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        while not os.path.exists(f"{out}/.drst-unfinished/experiments") and child.poll() is None:
            time.sleep(0.005)
        child.send_signal(signal.SIGINT)
        _, words = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, words)
        self.assertIn("no tables were made", words)
        self.assertEqual(os.listdir(out), [])
        shutil.rmtree(tree)


class Hostile(Bundles):
    """Archives that mean harm: refused or bounded, and nothing outside --out."""

    PERF = b"     1.000000001,5,,instructions,9,50.00,,\n"

    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="hostile-", dir=self.work)

    def tar(self, entries):
        """entries: (name, bytes or a tarfile type, link target)."""
        path = f"{self.home}/a.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, data, *link in entries:
                info = tarfile.TarInfo(name)
                if link:
                    info.type, info.linkname = data, link[0]
                    archive.addfile(info)
                else:
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
        return path

    def listing(self):
        return sorted(os.path.relpath(os.path.join(folder, name), self.home)
                      for folder, _, files in os.walk(self.home) for name in files)

    def run_on(self, archive, expect=0, *more):
        return drst("preprocess", "perf", archive, "--out", f"{self.home}/in/out", *more, expect=expect)

    def test_names_that_lead_outside_and_links(self):
        secret = f"{self.home}/secret.csv"
        with open(secret, "wb") as file:
            file.write(self.PERF)
        path = self.tar([("exp-1/firewall.csv", self.PERF), ("../../evil/firewall.csv", self.PERF), ("/evil/firewall.csv", self.PERF),
                         ("exp-1/../../evil/firewall.csv", self.PERF), ("exp-2/firewall.csv", tarfile.SYMTYPE, secret),
                         ("exp-3/firewall.csv", tarfile.LNKTYPE, "exp-1/firewall.csv"), ("exp-4/firewall.csv", tarfile.FIFOTYPE, "")])
        self.run_on(path)
        self.assertEqual(read_json(f"{self.home}/in/out/dirt.json")["totals"]["unsafe_entry"]["count"], 6)
        made = [name for name in self.listing() if name.startswith("in/out/experiments/")]
        self.assertEqual(made, [f"in/out/experiments/a/exp-1.{end}" for end in ("csv", "provenance.json", "quality.csv")])
        self.assertTrue(all(name.startswith("in/out/") for name in self.listing() if name not in ("a.tar.gz", "secret.csv")))

    def test_zip_with_names_that_lead_outside(self):
        path = f"{self.home}/a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("exp-1/firewall.csv", self.PERF)
            archive.writestr("../../../evil/firewall.csv", self.PERF)
            archive.writestr("..\\..\\evil\\firewall.csv", self.PERF)
        self.run_on(path)
        self.assertEqual(read_json(f"{self.home}/in/out/dirt.json")["totals"]["unsafe_entry"]["count"], 2)

    def test_bombs_are_bounded(self):
        path = f"{self.home}/a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("exp-1/firewall.csv", self.PERF)
            archive.writestr("exp-1/bridge.csv", b"0" * (64 << 20))
        self.assertLess(os.path.getsize(path), 1 << 20)
        self.run_on(path, 0, "--set", "preprocess.max_file_mib=8")
        self.assertEqual(read_json(f"{self.home}/in/out/dirt.json")["totals"]["too_large"]["count"], 1)
        done = self.run_on(path, 3, "--overwrite", "--set", "preprocess.max_archive_mib=32")
        self.assertIn("max_archive_mib", done.stderr)
        many = self.tar([(f"exp-{i}/firewall.csv", self.PERF) for i in range(50)])
        self.assertIn("max_entries", self.run_on(many, 3, "--overwrite", "--set", "preprocess.max_entries=20").stderr)
        mixed = self.tar([(f"exp-{i}/{name}.csv", self.PERF * 6000) for name in ("firewall", "bridge") for i in range(40)])
        self.assertIn("max_pending_mib", self.run_on(mixed, 3, "--overwrite", "--set", "preprocess.max_pending_mib=2").stderr)

    def test_a_compressed_file_that_is_a_bomb(self):
        os.makedirs(f"{self.home}/tree/exp-1")
        with gzip.open(f"{self.home}/tree/exp-1/firewall.csv.gz", "wb") as file:
            file.write(self.PERF * (1 << 18))
        self.run_on(f"{self.home}/tree", 0, "--set", "preprocess.max_file_mib=2")
        self.assertEqual(read_json(f"{self.home}/in/out/dirt.json")["totals"]["too_large"]["count"], 1)

    def test_damaged_archives_are_told(self):
        whole = read_bytes(EXCERPTS)
        for cut in (10, 5000, len(whole) - 100):
            path = f"{self.home}/cut.tar.xz"
            with open(path, "wb") as file:
                file.write(whole[:cut])
            self.assertIn("cut.tar.xz", self.run_on(path, 3).stderr)
        self.assertEqual([name for name in self.listing() if name.startswith("in/out/")], [])


class RealPerf(Bundles):
    """perf stat itself, on a process of ours: its text in two layouts and its JSON lines, of the same seconds."""

    EVENTS = ["task-clock", "context-switches", "page-faults"]
    WATCHES = {"text.csv": ["-x,"], "semicolons.csv": ["-x;"], "lines.json": ["-j"]}

    def watch(self, folder):
        """Files of perf; skips where perf is not there or may not count."""
        if shutil.which("perf") is None:
            self.skipTest("no perf (package linux-perf)")
        busy = subprocess.Popen([sys.executable, "-c", "import time\nwhile True:\n  sum(range(20000))\n  time.sleep(0.0005)"])
        try:
            watchers = [subprocess.Popen(["perf", "stat", "-I", "1000", *layout, "-e", ",".join(self.EVENTS), "-p", str(busy.pid),
                                          "-o", f"{folder}/{name}", "--", "sleep", "3.4"], stderr=subprocess.PIPE)
                        for name, layout in self.WATCHES.items()]
            for watcher in watchers:
                _, words = watcher.communicate(timeout=60)
                if watcher.returncode != 0:
                    self.skipTest(f"perf may not count here: {words.decode()[:200]}")
        finally:
            busy.kill()
            busy.wait()

    def test_text_and_json_of_the_same_seconds(self):
        folder = self.path("real/exp-1")
        os.makedirs(folder)
        self.watch(folder)
        out = self.path("real-out")
        vnfs = [name.split(".")[0] for name in self.WATCHES]
        drst("preprocess", "perf", self.path("real"), "--out", out, "--set", f"preprocess.vnfs={json.dumps(vnfs)}",
             "--set", f"preprocess.events={json.dumps(self.EVENTS)}", "--set", "preprocess.anchor=text_task-clock")
        names, _, rows = read_table(f"{out}/real.csv")
        self.assertGreaterEqual(len(rows), 3)
        own = {}
        for name, layout in self.WATCHES.items():
            times = []
            with open(f"{folder}/{name}", encoding="utf-8") as file:
                for line in file:
                    if line.startswith("#") or not line.strip():
                        continue
                    if name.endswith(".json"):
                        entry = json.loads(line)
                        time, value, event = entry["interval"], entry["counter-value"], entry["event"]
                    else:
                        time, value, _, event = line.split(layout[0][-1])[:4]
                    if not times or times[-1] != time:
                        times.append(time)
                    own[f"{name.split('.')[0]}_{event}", len(times) - 1] = float(value)
        for row, cells in enumerate(rows):
            for name in names[3:]:
                if (name, row) in own:
                    self.assertEqual(cells[names.index(name)], own[name, row], (name, row))
        clocks = [sum(cells[names.index(f"{vnf}_task-clock")] for cells in rows[:3]) for vnf in vnfs]
        print(f"task-clock of the same three seconds by {', '.join(vnfs)}: {', '.join(f'{clock:.1f}' for clock in clocks)} ms")
        self.assertLess(max(clocks) / min(clocks), 1.02)


class Memory(Bundles):
    def peak_kib(self, experiments):
        home = self.path(f"memory-{experiments}")
        text = "".join(f"     {second}.000000001,{second * 1000003 % 99991},,{event},9,50.00,,\n" for second in range(1, 180) for event in EVENTS)
        for i in range(experiments):
            os.makedirs(f"{home}/load/exp-{i}")
            for vnf in VNFS:
                with open(f"{home}/load/exp-{i}/{vnf}.csv", "w", encoding="utf-8") as file:
                    file.write(f"# started on {i}\n\n{text}")
        # Of a small process's child: a child's peak begins with its parent's size.
        watch = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);" \
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        done = subprocess.run([sys.executable, "-c", watch, DRST, "preprocess", "perf", home, "--out", f"{home}-out", "-q", "--threads", "2"],
                              capture_output=True, text=True, check=True)
        shutil.rmtree(home)
        shutil.rmtree(f"{home}-out")
        return int(done.stdout)

    def test_memory_does_not_grow_with_the_experiments(self):
        few, many = self.peak_kib(10), self.peak_kib(200)
        print(f"peak memory: {few / 1024:.1f} MiB for 10 experiments, {many / 1024:.1f} MiB for 200 (110 MB of text)")
        self.assertLess(many, few + 8 * 1024)


if __name__ == "__main__":
    if not os.path.exists(EXCERPTS):
        print("DRST_DATA does not name the folder of real measurements", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 77)
    unittest.main(verbosity=1)
