#!/usr/bin/env python3
"""One, two and three `drst infer` processes of one group on a real Kafka topic that is full already.

infer_scaling.py [RECORDS]   (make kafka-figures)
Rate: records by the time from the first prediction to the last. CPU: of the consumers and of the broker in that time, by core; where they
use all cores together, more consumers cannot help. Needs DRST and DRST_DATA.
"""
import json
import os
import subprocess
import sys
import tempfile

import services
from end_to_end import DRST, PERF, read

TABLE = 500


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    stages = [f"--stage=part{i}={PERF}/combined.csv:tail={TABLE}" for i in range(records // TABLE)]
    offline = ["--offline", f"{PERF}/combined.csv:head=600"]
    with tempfile.TemporaryDirectory(prefix="drst-scaling-") as work:
        broker = services.start_kafka(f"{work}/kafka")
        try:
            print(f"{len(stages) * TABLE} records, {os.cpu_count()} cores")
            for count in (1, 2, 3):
                common = ["--store", f"file:{work}/store{count}", "-q"]
                log = ["--log", f"kafka://{broker.bootstrap}", f"--set=stream.topic=scale{count}", "--set=stream.partitions=6"]
                produce = ["produce", *offline, *stages, "--rate", "0", "--lags", "true", "--run-id", "s", *common, *log]
                for words in (["offline", *offline, "--model", "mlp", *common], produce):
                    subprocess.run([DRST, *words], check=True, stdout=subprocess.DEVNULL)
                before = cpu_seconds(broker.process.pid)
                parts = [subprocess.Popen([DRST, "infer", "--member", f"infer-{i}", "--run-id", "s", *common, *log]) for i in range(count)]
                consumers = 0
                for part in parts:
                    _, status, usage = os.wait4(part.pid, 0)
                    if status != 0:
                        sys.exit(f"a consumer ended with {status}")
                    consumers += usage.ru_utime + usage.ru_stime
                of_broker = cpu_seconds(broker.process.pid) - before
                subprocess.run([DRST, "report", *common, *log, "--out", f"{work}/out{count}"], check=True)
                rate = json.loads(read(f"{work}/out{count}/summary.json"))["throughput_records_per_s"]
                seconds = len(stages) * TABLE / rate
                print(f"{count} consumers {rate:9.0f} records/s; cores: consumers {consumers / seconds:.2f}, "
                      f"broker {of_broker / seconds:.2f}", flush=True)
        finally:
            broker.kill()


if __name__ == "__main__":
    main()
