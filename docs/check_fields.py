#!/usr/bin/env python3
"""Compares the messages of gumshoe.collector.v1 that come from Kubernetes with Kubernetes' own.

Every field must have the number, the name and the wire type that Kubernetes gives it, and each field that is left out must
stand in docs/fields.md with a reason, and no other. A message says where it comes from in its comment: "Pod, from Kubernetes core/v1".

    docs/check_fields.py <directory of the Go module k8s.io/api> <directory of k8s.io/apimachinery>

Knows only as much of the protobuf language as Kubernetes' generated.proto files and ours use: no nested messages, no oneof
in the messages compared.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Numbers from here up are Gumshoe's own; Kubernetes has none of them.
FIRST_DERIVED = 1000
# What stands in ours for a message that Kubernetes encodes in its own way, wire-compatible.
STAND_INS = {"Time": "Timestamp", "MicroTime": "Timestamp", "Quantity": "StringValue"}

ORIGIN = re.compile(r"^// (\w+), from Kubernetes (\w+/\w+)", re.MULTILINE)
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
    """What several files hold: their messages by name, and where the messages come from."""
    found, origins = {}, {}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        found |= messages(text)
        origins |= dict(ORIGIN.findall(text))
    return found, origins


def parts(kind):
    """The types that a field's type names, without their packages: one, or two for a map."""
    return [name.rsplit(".", 1)[-1] for name in re.findall(r"[\w.]+", kind.removeprefix("map"))]


def snake(name):
    """Kubernetes' camelCase field name as ours spells it, but for acronyms: those are compared without underscores."""
    return name.replace("_", "").lower()


def compare(ours, origins, theirs):
    """The fields left out, {(message, field): number}, and what else differs, as sentences."""
    missing, wrong = {}, []
    for name, origin in origins.items():
        if name not in theirs[origin]:
            wrong.append(f"{name} is not in Kubernetes' {origin}")
            continue
        for number, (field, repeated, kind) in theirs[origin][name].items():
            if number not in ours[name]:
                missing[name, field] = number
                continue
            mine = ours[name][number]
            expected = [STAND_INS.get(part, part) for part in parts(kind)]
            if (snake(mine[0]), mine[1], parts(mine[2])) != (snake(field), repeated, expected):
                wrong.append(f"{name}.{field} = {number}: Kubernetes has {kind}, we have {mine[2]} {mine[0]}")
            unknown = [part for part in expected if part in ours and part not in origins]
            wrong += [f"{part} does not say which of Kubernetes' packages it is from" for part in unknown]
        for number in ours[name].keys() - theirs[origin][name].keys():
            if number < FIRST_DERIVED:
                wrong.append(f"{name}.{ours[name][number][0]} = {number} is not in Kubernetes")
    return missing, wrong


def main(api, apimachinery):
    ours, origins = read(sorted(ROOT.glob("proto/gumshoe/collector/v1/*.proto")))
    machinery = {"meta/v1": "pkg/apis/meta/v1", "util/intstr": "pkg/util/intstr"}
    packages = {
        origin: Path(apimachinery, machinery[origin]) if origin in machinery else Path(api, origin)
        for origin in origins.values()
    }
    theirs = {origin: messages((path / "generated.proto").read_text(encoding="utf-8")) for origin, path in packages.items()}
    missing, wrong = compare(ours, origins, theirs)

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
    fields = sum(len(theirs[origin][name]) for name, origin in origins.items())
    print(f"{len(origins)} messages, {fields} fields of Kubernetes: {len(missing)} left out, each with its reason in docs/fields.md")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
