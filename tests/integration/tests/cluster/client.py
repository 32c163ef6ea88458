"""A client of the collector that shares nothing with it but the .proto files: Google's own grpcio.

Usage: client.py ADDRESS CA CERTIFICATE KEY PROTO-DIRECTORY SCRATCH-DIRECTORY

Prints JSON: the pods of all namespaces, the completeness of that list, and the error of a call whose namespace is none.
"""

import importlib
import json
import pathlib
import sys

import grpc
import grpc_tools
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc

DEADLINE_SECONDS = 60


def generate(protos: pathlib.Path, scratch: pathlib.Path) -> None:
    files = sorted(str(file) for file in protos.rglob("collector/**/*.proto"))
    arguments = [f"--proto_path={protos}", f"--python_out={scratch}", f"--grpc_python_out={scratch}"]
    if protoc.main(["protoc", f"--proto_path={grpc_tools.__path__[0]}/_proto", *arguments, *files]) != 0:
        sys.exit("protoc failed")
    sys.path.insert(0, str(scratch))


def channel(address: str, ca: str, certificate: str, key: str) -> grpc.Channel:
    ca, certificate, key = (pathlib.Path(file).read_bytes() for file in (ca, certificate, key))
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, certificate))


def pods_of(stub, messages) -> dict:
    pages = list(stub.ListPods(messages.ListPodsRequest(page_size=10), timeout=DEADLINE_SECONDS))
    pods = [[pod.metadata.namespace, pod.metadata.name, pod.columns.status] for page in pages for pod in page.items]
    completeness = json_format.MessageToDict(pages[-1].completeness)
    return {"pods": pods, "pages": len(pages), "completeness": completeness}


def error_of(stub, messages) -> dict:
    try:
        stub.GetPod(messages.GetPodRequest(namespace="no/namespace", name="web"), timeout=DEADLINE_SECONDS)
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        details = {}
        for detail in status.details:
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                message = kind()
                if detail.Unpack(message):
                    details[kind.__name__] = json_format.MessageToDict(message)
        return {"code": error.code().name, "message": error.details(), "details": details}
    sys.exit("the call should have failed")


def main() -> None:
    address, ca, certificate, key, protos, scratch = sys.argv[1:]
    generate(pathlib.Path(protos), pathlib.Path(scratch))
    messages = importlib.import_module("gumshoe.collector.v1.pod_pb2")
    services = importlib.import_module("gumshoe.collector.v1.pod_pb2_grpc")
    with channel(address, ca, certificate, key) as connection:
        stub = services.PodServiceStub(connection)
        print(json.dumps({**pods_of(stub, messages), "error": error_of(stub, messages)}))


main()
