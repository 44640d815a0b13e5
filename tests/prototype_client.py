#!/usr/bin/env python3
"""A producer and a consumer in the formats of the research prototype (SPEC 4), on kafka-python: what ours must get on with.

prototype_client.py produce HOST:PORT TABLE.csv --run-id ID [--rows N] [--stage NAME] [--topic latencyTopic] [--target KPI]
    one record a row, without an id and without lag features, round robin over the partitions; then a sentinel on each
prototype_client.py consume HOST:PORT --run-id ID [--topic latencyTopic]
    a member of a group of its own; reads until each partition has shown the run's sentinel, then prints each record as a JSON
    line {"partition", "offset", "features", "label", "stage", "send_ts"} in the order it came
"""
import argparse
import csv
import datetime
import json
import math
import sys

from kafka import KafkaConsumer, KafkaProducer

KPIS = ("input_rate", "output_rate", "latency")  # the first columns of a perf table; the others are counters


def produce(args):
    producer = KafkaProducer(bootstrap_servers=args.servers.split(","), acks="all", linger_ms=5)
    partitions = sorted(producer.partitions_for(args.topic))
    sent = []
    with open(args.table, newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if args.rows is not None and number >= args.rows:
                break
            features = {}
            for name, cell in row.items():
                try:
                    features[name] = float(cell)
                except (TypeError, ValueError):
                    features[name] = math.nan
            label = features.pop(args.target)
            for name in ("", *KPIS):  # a table's first column numbers its rows
                features.pop(name, None)
            value = {"features": {n: v for n, v in features.items() if math.isfinite(v)},
                     "label": label if math.isfinite(label) else None,
                     "send_ts": datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z"), "stage": args.stage}
            sent.append(producer.send(args.topic, json.dumps(value).encode(), partition=partitions[number % len(partitions)],
                                      headers=[("run_id", args.run_id.encode())]))
    for partition in partitions:
        sent.append(producer.send(args.topic, b"__DRST_EOF__", partition=partition,
                                  headers=[("drst-sentinel", b"1"), ("drst-run-id", args.run_id.encode())]))
    producer.flush()
    for future in sent:
        future.get(30)
    print(len(sent) - len(partitions))


def consume(args):
    consumer = KafkaConsumer(args.topic, bootstrap_servers=args.servers.split(","), group_id="prototype-" + args.run_id,
                             auto_offset_reset="earliest", enable_auto_commit=False, consumer_timeout_ms=30000)
    open_partitions = set(consumer.partitions_for_topic(args.topic))
    for record in consumer:
        headers = {k: v.decode("utf-8", "replace") for k, v in record.headers}
        if headers.get("drst-sentinel") == "1":
            if headers.get("drst-run-id") == args.run_id:
                open_partitions.discard(record.partition)
                if not open_partitions:
                    consumer.close()
                    return
            continue
        if headers.get("run_id") != args.run_id:
            continue
        value = json.loads(record.value)
        print(json.dumps({"partition": record.partition, "offset": record.offset, "features": value["features"],
                          "label": value["label"], "stage": value["stage"], "send_ts": value["send_ts"]}))
    sys.exit(f"prototype_client: partitions {sorted(open_partitions)} of {args.topic} showed no sentinel of run {args.run_id}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("produce")
    one.add_argument("servers")
    one.add_argument("table")
    one.add_argument("--rows", type=int)
    one.add_argument("--stage", default="stage0")
    one.add_argument("--target", default="output_rate")
    one.set_defaults(run=produce)
    other = commands.add_parser("consume")
    other.add_argument("servers")
    other.set_defaults(run=consume)
    for sub in (one, other):
        sub.add_argument("--run-id", required=True)
        sub.add_argument("--topic", default="latencyTopic")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
