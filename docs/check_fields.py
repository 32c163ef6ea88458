#!/usr/bin/env python3
"""Compares the messages of gumshoe.collector.v1 that come from Kubernetes with Kubernetes' own.

Every field must have the number, the name and the wire type that Kubernetes gives it, and each field that is left out must
be reserved, on a line of its own, under a comment that says why: "// images: The images on the node". From these the table in docs/fields.md is
made: --write writes it, else it is compared. A message says where it comes from in its comment: "Pod, from Kubernetes core/v1"; where it has
another name there, that name stands behind: "SecretMetadata, from Kubernetes core/v1 Secret".

    docs/check_fields.py [--write] <directory of the Go module k8s.io/api> <directory of k8s.io/apimachinery>

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

ORIGIN = re.compile(r"^// (\w+), from Kubernetes (\w+/\w+)(?: (\w+))?", re.MULTILINE)
MESSAGE = re.compile(r"^message (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\s*(?:(optional|repeated)\s+)?(map<\s*\w+,\s*[\w.]+\s*>|[.\w]+)\s+(\w+)\s*=\s*(\d+)", re.MULTILINE)
RESERVED = re.compile(r"^  // (\w+): (.+)\n  reserved (\d+);$", re.MULTILINE)
TABLE = re.compile(r"(?<=^\|---\|---\|---\|\n)(?:\|.*\n)*", re.MULTILINE)


def messages(text):
    """The messages of a .proto file: {name: {number: (field name, repeated, type)}}."""
    text = re.sub(r"//.*", "", text)
    return {
        name: {int(number): (field, label == "repeated", kind) for label, kind, field, number in FIELD.findall(body)}
        for name, body in MESSAGE.findall(text)
    }


def read(paths):
    """What several files hold: their messages by name, where these come from, and {(message, field): (number, why)} left out."""
    found, origins, left_out = {}, {}, {}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        found |= messages(text)
        origins |= {name: (origin, kind or name) for name, origin, kind in ORIGIN.findall(text)}
        for message, body in MESSAGE.findall(text):
            left_out |= {(message, field): (int(number), why) for field, why, number in RESERVED.findall(body)}
    return found, origins, left_out


def parts(kind):
    """The types that a field's type names, without their packages: one, or two for a map."""
    return [name.rsplit(".", 1)[-1] for name in re.findall(r"[\w.]+", kind.removeprefix("map"))]


def snake(name):
    """Kubernetes' camelCase field name as ours spells it, but for acronyms: those are compared without underscores."""
    return name.replace("_", "").lower()


def compare(ours, origins, theirs):
    """The fields left out, {(message, field): number}, and what else differs, as sentences."""
    missing, wrong = {}, []
    for name, (origin, their_name) in origins.items():
        if their_name not in theirs[origin]:
            wrong.append(f"{their_name} is not in Kubernetes' {origin}")
            continue
        for number, (field, repeated, kind) in theirs[origin][their_name].items():
            if number not in ours[name]:
                missing[name, field] = number
                continue
            mine = ours[name][number]
            expected = [STAND_INS.get(part, part) for part in parts(kind)]
            if (snake(mine[0]), mine[1], parts(mine[2])) != (snake(field), repeated, expected):
                wrong.append(f"{name}.{field} = {number}: Kubernetes has {kind}, we have {mine[2]} {mine[0]}")
            unknown = [part for part in expected if part in ours and part not in origins]
            wrong += [f"{part} does not say which of Kubernetes' packages it is from" for part in unknown]
        for number in ours[name].keys() - theirs[origin][their_name].keys():
            if number < FIRST_DERIVED:
                wrong.append(f"{name}.{ours[name][number][0]} = {number} is not in Kubernetes")
    return missing, wrong


def main(api, apimachinery, write):
    ours, origins, left_out = read(sorted(ROOT.glob("proto/gumshoe/collector/v1/*.proto")))
    machinery = {"meta/v1": "pkg/apis/meta/v1", "util/intstr": "pkg/util/intstr"}
    packages = {
        origin: Path(apimachinery, machinery[origin]) if origin in machinery else Path(api, origin)
        for origin, _ in origins.values()
    }
    theirs = {origin: messages((path / "generated.proto").read_text(encoding="utf-8")) for origin, path in packages.items()}
    missing, wrong = compare(ours, origins, theirs)

    reserved = {name: number for name, (number, _) in left_out.items()}
    for (message, field), number in sorted(missing.items() - reserved.items()):
        wrong.append(f"{message}.{field} = {number} is left out: reserve it, and say why in a comment of one line, \"// {field}: …\"")
    for (message, field), number in sorted(reserved.items() - missing.items()):
        wrong.append(f"{message} reserves {number} as {field}, which Kubernetes does not have there")

    document = ROOT / "docs/fields.md"
    text = document.read_text(encoding="utf-8")
    rows = "".join(f"| `{message}.{field}` | {number} | {why} |\n" for (message, field), (number, why) in sorted(left_out.items()))
    made = TABLE.sub(lambda _: rows, text, count=1)
    if write:
        document.write_text(made, encoding="utf-8")
    elif made != text:
        wrong.append("docs/fields.md is not what the .proto files say: write it by docs/check_fields.py --write")

    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if wrong:
        return 1
    fields = sum(len(theirs[origin][name]) for origin, name in origins.values())
    print(f"{len(origins)} messages, {fields} fields of Kubernetes: {len(missing)} left out, each with its reason in docs/fields.md")
    return 0


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    sys.exit(main(*arguments, write="--write" in sys.argv))
