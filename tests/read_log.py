#!/usr/bin/env python3
"""Prints every record of an embedded log as a JSON line, independently of DRST's own code (python3-lmdb, struct, zlib).

read_log.py DIR [--topic NAME] [--groups]
A record: {"topic", "partition", "offset", "timestamp_us", "key", "headers": [[key, value], ...], "value"}. Bytes that
are not UTF-8 are given in base64, and their field is then named "key_base64" or "value_base64"; such a header is
{"base64": ...}. --groups prints committed offsets instead: {"group", "topic", "partition", "committed", "owner"}.
Exit 1, with the reason on stderr, if anything is damaged or an offset is missing. The layout is described in
src/stream/embedded_log.h, block.h and group_codec.h.
"""
import argparse
import base64
import json
import os
import struct
import sys
import zlib

import lmdb


class Damaged(Exception):
    pass


def text(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def put_text(record, name, data):
    shown = text(data)
    if isinstance(shown, dict):
        record[name + "_base64"] = shown["base64"]
    else:
        record[name] = shown


def parse_payload(payload):
    timestamp, key_size, value_size, header_count = struct.unpack_from("<qIII", payload)
    sizes = struct.unpack_from("<%dI" % (2 * header_count), payload, 20)
    at = 20 + 4 * len(sizes)
    parts = []
    for size in (key_size, value_size) + sizes:
        parts.append(payload[at:at + size])
        at += size
    if at != len(payload):
        raise Damaged("a record's sizes do not add up")
    headers = list(zip(parts[2::2], parts[3::2]))
    return timestamp, parts[0], parts[1], headers


def records_of_block(block, base, where):
    magic, count, first, _before, newest, crc, _zero = struct.unpack_from("<4sIqQqII", block)
    if magic != b"DRB1" or crc != zlib.crc32(block[:32]) or first != base:
        raise Damaged(f"{where}: bad header of the block at offset {base}")
    at = 40
    seen_newest = None
    for offset in range(first, first + count):
        size, crc = struct.unpack_from("<II", block, at)
        payload = block[at + 8:at + 8 + size]
        if len(payload) != size or zlib.crc32(payload) != crc:
            raise Damaged(f"{where}: checksum of offset {offset}")
        record = parse_payload(payload)
        seen_newest = record[0] if seen_newest is None else max(seen_newest, record[0])
        yield (offset,) + record
        at += 8 + size
    if at != len(block) or seen_newest != newest:
        raise Damaged(f"{where}: the block at offset {base} does not add up")


def all_records(environment, wanted):
    topics = environment.open_db(b"topics", create=False)
    blocks = environment.open_db(b"blocks", create=False)
    with environment.begin() as transaction:
        counts = {bytes(k): struct.unpack("<I", v)[0] for k, v in transaction.cursor(topics)}
        place, expected = None, None
        for key, block in transaction.cursor(blocks):
            topic, rest = bytes(key).split(b"\0", 1)
            partition, base = struct.unpack(">IQ", rest)
            where = f"topic '{topic.decode()}', partition {partition}"
            if partition >= counts.get(topic, 0):
                raise Damaged(f"{where}: there is no such partition")
            if place == (topic, partition) and base != expected:
                raise Damaged(f"{where}: offsets {expected} to {base - 1} are missing")
            place = (topic, partition)
            expected = base
            for offset, timestamp, name, value, headers in records_of_block(bytes(block), base, where):
                expected = offset + 1
                if wanted is None or wanted == topic.decode():
                    record = {"topic": topic.decode(), "partition": partition, "offset": offset, "timestamp_us": timestamp}
                    put_text(record, "key", name)
                    record["headers"] = [[text(k), text(v)] for k, v in headers]
                    put_text(record, "value", value)
                    yield record


def all_groups(environment):
    groups = environment.open_db(b"groups", create=False)
    with environment.begin() as transaction:
        for key, state in transaction.cursor(groups):
            group, topic = (part.decode() for part in bytes(key).split(b"\0", 1))
            state = bytes(state)
            magic, crc, _epoch, _sessions, members, partitions = struct.unpack_from("<4sIQQII", state)
            if magic != b"DRG1" or crc != zlib.crc32(state[8:]):
                raise Damaged(f"group '{group}' on topic '{topic}': checksum")
            at = 32
            names = {0: None}
            for _ in range(members):
                session, _expires, _process, _start, _exclusive, size = struct.unpack_from("<QqQQII", state, at)
                names[session] = state[at + 40:at + 40 + size].decode()
                at += 40 + size
            for partition in range(partitions):
                committed, owner, _generation = struct.unpack_from("<qQQ", state, at)
                at += 24
                yield {"group": group, "topic": topic, "partition": partition, "committed": committed,
                       "owner": names.get(owner)}


def main():
    parser = argparse.ArgumentParser(description="prints the records of an embedded log as JSON lines")
    parser.add_argument("folder")
    parser.add_argument("--topic")
    parser.add_argument("--groups", action="store_true")
    args = parser.parse_args()
    if not os.path.exists(os.path.join(args.folder, "data.mdb")):
        sys.exit(f"read_log: there is no log in '{args.folder}'")
    size = os.path.getsize(os.path.join(args.folder, "data.mdb"))
    # The map must hold the file; a read-only one need not be able to grow.
    environment = lmdb.open(args.folder, map_size=size + (1 << 20), max_dbs=3, readonly=True)
    try:
        for line in all_groups(environment) if args.groups else all_records(environment, args.topic):
            print(json.dumps(line, ensure_ascii=False))
    except (Damaged, struct.error) as error:
        sys.exit(f"read_log: {error}")
    finally:
        environment.close()


if __name__ == "__main__":
    main()
