#!/usr/bin/env python3
"""Sends one command to Gumshoe's command queue and prints what comes back, with boto3 alone.

    export COMMAND_QUEUE=https://sqs.… RESULT_QUEUE=https://sqs.…
    investigate.py 'get pods -n shop' 'get events -n shop --types Warning'

Each argument is a query in kubectl's words. Each page is printed as a line of JSON, in the order of the queries; the last line is
the End, which says of each query whether anything is missing. Exit code 0: all was answered and nothing is missing.

docs/sqs.md is the contract, docs/reading-results.md how results are read, docs/schema has the messages as JSON Schema.
"""

import base64
import hashlib
import json
import os
import sys
import time
import uuid
import zlib
from datetime import datetime, timedelta, timezone

import boto3

DEADLINE = timedelta(seconds=int(os.environ.get("DEADLINE_SECONDS", "120")))
# An End may come up to 30 s after the deadline.
GRACE = timedelta(seconds=45)
RESPONSE_MAX = 24 << 20


class Run:
    """What came of one processing of the command: SQS delivers at least once, so there may be several."""

    def __init__(self):
        self.begun = False
        self.pages = {}  # seq: (SHA-256 of the raw body, page)
        self.end = None

    def take(self, result, body):
        """Keeps a message; one that came before changes nothing, and kinds of later versions are passed over."""
        if "page" in result:
            self.begun = True
            self.pages.setdefault(result["seq"], (hashlib.sha256(body.encode()).digest(), result["page"]))
        elif "accepted" in result:
            self.begun = True
        elif "end" in result:
            self.end = self.end or result["end"]

    def is_whole(self):
        """The End is there with all pages that it counts, as they were sent. What is zero or empty stands nowhere in the JSON."""
        if self.end is None or set(self.pages) != set(range(1, self.end.get("pages", 0) + 1)):
            return False
        digests = b"".join(self.pages[seq][0] for seq in sorted(self.pages))
        return hashlib.sha256(digests).digest() == base64.b64decode(self.end["sha256"])

    def is_answer(self):
        """Whole, and of the queries: an End without them says why they were not asked."""
        return self.is_whole() and bool(self.end.get("queries"))


def command_of(words):
    deadline = datetime.now(timezone.utc) + DEADLINE
    command_id = uuid.uuid4().hex
    command = {
        "id": command_id,
        "investigationId": "example",
        "deadline": deadline.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "encoding": "ENCODING_GZIP",
        "queries": [{"id": f"q{number}", "kubectl": line} for number, line in enumerate(words, start=1)],
    }
    event = {
        "specversion": "1.0",
        "id": command_id,
        "source": "/examples/python",
        "type": "gumshoe.bridge.v1.Command",
        "data": command,
    }
    return command_id, event


def receive(sqs, queue, command_id, runs):
    """Takes what the queue has of our command; what is of others becomes visible again. Says whether there was anything."""
    answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)
    came = False
    for message in answer.get("Messages", []):
        try:
            event = json.loads(message["Body"])
            result = event["data"] if event["type"] == "gumshoe.bridge.v1.Result" else {}
        except (ValueError, KeyError, TypeError):
            continue
        if result.get("commandId") == command_id:
            runs.setdefault(result["run"], Run()).take(result, message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            came = True
    return came


def await_answer(sqs, queue, command_id):
    """The first whole run that answers the queries; else one that says why they were not asked; else nothing."""
    runs = {}
    give_up = time.monotonic() + (DEADLINE + GRACE).total_seconds()
    while True:
        came = receive(sqs, queue, command_id, runs)
        for run in runs.values():
            if run.is_answer():
                return run
        # A refusal may have overtaken the answer of another run, so it counts when nothing more comes: at once where no other has
        # begun, else at the end.
        refusals = [run for run in runs.values() if run.is_whole()]
        others = any(run.begun for run in runs.values() if not run.is_whole())
        if time.monotonic() > give_up or (refusals and not came and not others):
            return refusals[0] if refusals else None


def inflated(data):
    """The bytes that were compressed; more than any response has would only fill the memory."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    whole = stream.decompress(data, RESPONSE_MAX)
    if not stream.eof:
        raise ValueError("a response is cut off, or longer than 24 MiB")
    return whole


def joined(pages):
    """The pages by query and number; parts of a response that was too long, or is compressed, are put together."""
    data = b""
    for page in pages:
        part = page.pop("part", None)
        if part is None:
            yield page
            continue
        data += base64.b64decode(part["data"])
        if part["number"] == part["of"]:
            whole = inflated(data) if part.get("encoding") == "ENCODING_GZIP" else data
            yield {**page, part["response"]: json.loads(whole)}
            data = b""


def main():
    words = sys.argv[1:]
    if not words:
        sys.exit(__doc__)
    sqs = boto3.client("sqs")
    command_id, event = command_of(words)
    sqs.send_message(QueueUrl=os.environ["COMMAND_QUEUE"], MessageBody=json.dumps(event))
    run = await_answer(sqs, os.environ["RESULT_QUEUE"], command_id)
    if run is None:
        sys.exit(f"no whole answer to command {command_id}")
    order = [outcome["queryId"] for outcome in run.end.get("queries", [])]
    pages = [page for _, page in run.pages.values()]
    pages.sort(key=lambda page: (order.index(page["queryId"]), page["number"]))
    for page in joined(pages):
        print(json.dumps(page))
    print(json.dumps(run.end))
    sys.exit(run.end["status"] != "END_STATUS_SUCCEEDED")


if __name__ == "__main__":
    main()
