#!/usr/bin/env python3
"""Checks a JSON file against a JSON Schema, strictly and with Python's own library only.

check_schema.py SCHEMA FILE
Knows the keywords that our schemas use and refuses others, so that none is silently unchecked. Stricter than JSON Schema in one
thing: a member of an object that the schema does not describe is an error, unless additionalProperties says otherwise. Exit 1 and a line
for each fault.
"""
import json
import sys

SAID = {"$schema", "$defs", "title", "description"}
KNOWN = SAID | {"type", "enum", "required", "properties", "additionalProperties", "items", "minimum", "maximum", "$ref"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def is_type(value, name):
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def check(value, schema, root, where, faults):
    unknown = set(schema) - KNOWN
    if unknown:
        faults.append(f"{where}: the schema uses {sorted(unknown)}, which this check does not know")
    if "$ref" in schema:
        target = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        check(value, target, root, where, faults)
        return
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, name) for name in types):
        faults.append(f"{where}: {json.dumps(value)[:60]} is not of type {' or '.join(types)}")
        return
    if "enum" in schema and value not in schema["enum"]:
        faults.append(f"{where}: {json.dumps(value)[:60]} is none of {schema['enum']}")
    if is_type(value, "number"):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            faults.append(f"{where}: {value} is out of range")
    if isinstance(value, list):
        for i, item in enumerate(value):
            check(item, schema.get("items", {}), root, f"{where}[{i}]", faults)
    if isinstance(value, dict):
        described = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                faults.append(f"{where}: '{name}' is missing")
        for name, member in value.items():
            if name in described:
                check(member, described[name], root, f"{where}.{name}", faults)
            elif "additionalProperties" in schema:
                check(member, schema["additionalProperties"], root, f"{where}.{name}", faults)
            else:
                faults.append(f"{where}: '{name}' is not described")


def faults_of(schema, value):
    faults = []
    check(value, schema, schema, "$", faults)
    return faults


def main():
    schema, value = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3])
    faults = faults_of(schema, value)
    print("\n".join(faults[:20]), file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
