#!/usr/bin/env python3
"""Prints every record of a Kafka topic as a JSON line in the form of read_log.py, independently of DRST's own code (kafka-python).

read_kafka.py HOST:PORT[,...] [--topic NAME]...        without --topic: every topic but Kafka's own
What is there when it begins is read, no more. Exit 1 if a broker cannot be reached or an offset is missing.
"""
import argparse
import json
import sys

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from read_log import put_text, text


def records(servers, topics):
    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, group_id=None, consumer_timeout_ms=20000)
    try:
        for topic in sorted(topics or (t for t in consumer.topics() if not t.startswith("__"))):
            places = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
            begins, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
            expected = dict(begins)
            consumer.assign(places)
            for place in places:
                consumer.seek(place, begins[place])
            while any(expected[place] < ends[place] for place in places):
                polled = consumer.poll(timeout_ms=20000)
                if not polled:
                    sys.exit(f"read_kafka: topic '{topic}': nothing more comes, but {expected} are not yet {ends}")
                for place, batch in polled.items():
                    for record in batch:
                        if record.offset != expected[place]:
                            sys.exit(f"read_kafka: {place}: offsets {expected[place]} to {record.offset - 1} are missing")
                        expected[place] = record.offset + 1
                        if record.offset >= ends[place]:
                            continue
                        line = {"topic": topic, "partition": place.partition, "offset": record.offset,
                                "timestamp_us": record.timestamp * 1000}
                        put_text(line, "key", record.key or b"")
                        line["headers"] = [[k, text(v)] for k, v in record.headers]
                        put_text(line, "value", record.value or b"")
                        yield line
    finally:
        consumer.close()


def main():
    parser = argparse.ArgumentParser(description="prints the records of Kafka topics as JSON lines")
    parser.add_argument("servers")
    parser.add_argument("--topic", action="append")
    args = parser.parse_args()
    try:
        for line in records(args.servers.removeprefix("kafka://").split(","), args.topic):
            print(json.dumps(line, ensure_ascii=False))
    except KafkaError as error:
        sys.exit(f"read_kafka: {args.servers}: {error}")


if __name__ == "__main__":
    main()
