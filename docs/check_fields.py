#!/usr/bin/env python3
"""Compares the messages of gumshoe.collector.v1 that come from Kubernetes with Kubernetes' own.

Every field must have the number, the name and the wire type that Kubernetes gives it, and each field that is left out must
stand in docs/fields.md with a reason, and no other. The walk begins at the kinds in KINDS and follows their fields.

    docs/check_fields.py <directory of the Go module k8s.io/api> <directory of k8s.io/apimachinery>

Knows only as much of the protobuf language as Kubernetes' generated.proto files and ours use: no nested messages, no oneof
in the messages compared.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ["Pod", "Event"]
# Numbers from here up are Gumshoe's own; Kubernetes has none of them.
FIRST_DERIVED = 1000
# What stands in ours for a message that Kubernetes encodes in its own way, wire-compatible.
STAND_INS = {"Time": "Timestamp", "MicroTime": "Timestamp", "Quantity": "StringValue"}

MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\s*(?:(optional|repeated)\s+)?(map<\s*\w+,\s*[\w.]+\s*>|[.\w]+)\s+(\w+)\s*=\s*(\d+)", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)\.(\w+)` \| (\d+) \| (.+) \|$", re.MULTILINE)


def messages(text):
    """The messages of a .proto file: {name: {number: (field name, repeated, type)}}."""
    text = re.sub(r"//.*", "", text)
    return {
        name: {int(number): (field, label == "repeated", kind) for label, kind, field, number in FIELD.findall(body)}
        for name, body in MESSAGE.findall(text)
    }


def read(paths):
    """The messages of several files, by name."""
    found = {}
    for path in paths:
        found |= messages(path.read_text(encoding="utf-8"))
    return found


def parts(kind):
    """The types that a field's type names, without their packages: one, or two for a map."""
    return [name.rsplit(".", 1)[-1] for name in re.findall(r"[\w.]+", kind.removeprefix("map"))]


def snake(name):
    """Kubernetes' camelCase field name as ours spells it, but for acronyms: those are compared without underscores."""
    return name.replace("_", "").lower()


def compare(ours, theirs):
    """The fields left out, {(message, field): number}, and what else differs, as sentences."""
    missing, wrong, seen, ahead = {}, [], set(), list(KINDS)
    while ahead:
        name = ahead.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in ours:
            wrong.append(f"{name} is not in our .proto files")
            continue
        for number, (field, repeated, kind) in theirs[name].items():
            if number not in ours[name]:
                missing[name, field] = number
                continue
            mine = ours[name][number]
            expected = [STAND_INS.get(part, part) for part in parts(kind)]
            if (snake(mine[0]), mine[1], parts(mine[2])) != (snake(field), repeated, expected):
                wrong.append(f"{name}.{field} = {number}: Kubernetes has {kind}, we have {mine[2]} {mine[0]}")
            ahead += [part for part in expected if part in theirs and part not in STAND_INS.values()]
        for number in ours[name].keys() - theirs[name].keys():
            if number < FIRST_DERIVED:
                wrong.append(f"{name}.{ours[name][number][0]} = {number} is not in Kubernetes")
    return missing, wrong, seen


def main(api, apimachinery):
    theirs = read([
        Path(api, "core/v1/generated.proto"),
        Path(apimachinery, "pkg/apis/meta/v1/generated.proto"),
        Path(apimachinery, "pkg/api/resource/generated.proto"),
        Path(apimachinery, "pkg/util/intstr/generated.proto"),
    ])
    ours = read(sorted(ROOT.glob("proto/gumshoe/collector/v1/*.proto")))
    missing, wrong, seen = compare(ours, theirs)

    text = (ROOT / "docs/fields.md").read_text(encoding="utf-8")
    documented = {(message, field): int(number) for message, field, number, _ in ROW.findall(text)}
    for (message, field), number in sorted(missing.items() - documented.items()):
        wrong.append(f"{message}.{field} = {number} is left out, and docs/fields.md does not say why")
    for (message, field), number in sorted(documented.items() - missing.items()):
        wrong.append(f"docs/fields.md says that {message}.{field} = {number} is left out, and it is not")

    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if wrong:
        return 1
    fields = sum(len(theirs[name]) for name in seen)
    print(f"{len(seen)} messages, {fields} fields of Kubernetes: {len(missing)} left out, each with its reason in docs/fields.md")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
