#!/usr/bin/env python3
"""How fast `drst infer` predicts while its S3 store answers, answers 2 s late, and does not answer.

infer_store_away.py [ROUNDS]   (make store-figures)
One process at a time on a log that is full already, the three in turn, so that all meet the same machine. Prints the median rate of each and
its share of the first: predictions never wait for the store. Needs DRST and DRST_DATA.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import services_s3
from end_to_end import DRST, PERF

TABLES = 60  # of 500 rows
DELAY_S = 2


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with tempfile.TemporaryDirectory(prefix="drst-store-away-") as work, services_s3.Versitygw(f"{work}/s3") as service:
        service.make_bucket("drst")
        relay = services_s3.Relay(service.port)

        def drst(*words, log=f"embedded:{work}/log"):
            command = [DRST, *words, "--store", "s3://drst/chain", f"--set=store.spool={work}/spool",
                       f"--set=s3.endpoint=http://127.0.0.1:{relay.port}"]
            if words[0] != "offline":
                command += ["--log", log]
            done = subprocess.run(command, env=service.environment(), capture_output=True, text=True, check=False, timeout=300)
            if done.returncode != 0:
                sys.exit(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
            return done.stderr

        drst("offline", "--offline", f"{PERF}/combined.csv:head=600", "--model", "mlp")
        stages = [f"--stage=part{i}={PERF}/combined.csv:tail=500" for i in range(TABLES)]
        drst("produce", "--offline", f"{PERF}/combined.csv:head=600", *stages, "--rate", "0", "--lags", "true", "--run-id", "away")
        rates = {"answers": [], f"{DELAY_S} s late": [], "does not answer": []}
        for number in range(rounds * len(rates)):
            state = list(rates)[number % len(rates)]
            relay.delay_s, relay.refuse = 0, False
            shutil.rmtree(f"{work}/copy", ignore_errors=True)
            shutil.copytree(f"{work}/log", f"{work}/copy")
            relay.delay_s, relay.refuse = DELAY_S if "late" in state else 0, "not" in state
            told = drst("infer", "--run-id", "away", log=f"embedded:{work}/copy")
            rates[state].append(int(re.search(r"(\d+) records/s while", told)[1]))
        relay.close()
        base = statistics.median(rates["answers"])
        print(f"{TABLES * 500} records, {rounds} rounds")
        for state, found in rates.items():
            middle = statistics.median(found)
            print(f"store {state:16} {middle:9.0f} records/s {middle / base:6.3f}   ({min(found)} to {max(found)})")


if __name__ == "__main__":
    main()
