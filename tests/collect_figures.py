#!/usr/bin/env python3
"""What live collection costs: CPU and memory of drst collect beside perf stat on the same processes in the same seconds.

collect_figures.py [SECONDS]     prints the table of docs/figures.md, "Live collection"

Five processes of four threads, twelve events each (software events, which every machine counts). CPU is the process's own and its children's
over the whole run, start included; memory is what it does not share, at the end.
"""
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DRST = os.environ.get("DRST", os.path.join(HERE, "..", "build", "bin", "drst"))
EVENTS = ["task-clock", "cpu-clock", "page-faults", "minor-faults", "major-faults", "context-switches", "cpu-migrations",
          "alignment-faults", "emulation-faults", "task-clock:u", "page-faults:u", "page-faults:k"]
THREADS = "import threading, time\nfor n in range(3): threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\n" \
          "while True: time.sleep(0.01)\n"


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def private_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private_")) / 1024


def measured(process, seconds):
    time.sleep(seconds)
    used, memory = cpu_s(process.pid), private_mib(process.pid)
    process.terminate()
    return 100 * used / seconds, memory, process.communicate(timeout=20)[1]


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    vnfs = [subprocess.Popen([f"drst-vnf{n}", "-c", THREADS], executable=sys.executable) for n in range(5)]
    time.sleep(0.5)
    try:
        with tempfile.TemporaryDirectory(prefix="drst-collect-") as folder:
            chain = os.path.join(folder, "chain.toml")
            events = ", ".join(f'"{event}"' for event in EVENTS)
            with open(chain, "w", encoding="utf-8") as file:
                for n in range(5):
                    file.write(f'[[source]]\ntype = "perf"\nvnf = "vnf{n}"\nprocess = "drst-vnf{n}"\nevents = [{events}]\n')
            print(f"5 processes x {len(EVENTS)} events, {seconds:.0f} s each\n{'':28}{'CPU, % of a core':>18}{'private MiB':>13}")
            for name, interval in (("1 a second", 1), ("10 a second", 0.1)):
                perf = subprocess.Popen(["perf", "stat", "-I", str(int(1000 * interval)), "-x,", "-e", ",".join(EVENTS), "-o", os.devnull,
                                         "-p", ",".join(str(vnf.pid) for vnf in vnfs)], stderr=subprocess.PIPE, text=True)
                ours = subprocess.Popen([DRST, "collect", chain, "--csv", os.path.join(folder, f"{interval}.csv"), "--interval", str(interval)],
                                        stderr=subprocess.PIPE, text=True)
                cpu, memory, words = measured(ours, seconds)
                print(f"{'drst collect, ' + name:28}{cpu:18.2f}{memory:13.1f}   {words.strip().splitlines()[-1].split('collected ')[-1]}")
                theirs = cpu_s(perf.pid) * 100 / seconds
                print(f"{'perf stat, ' + name:28}{theirs:18.2f}{private_mib(perf.pid):13.1f}   without a table, all processes summed")
                perf.terminate()
                perf.wait()
    finally:
        for vnf in vnfs:
            vnf.kill()
            vnf.wait()


if __name__ == "__main__":
    main()
