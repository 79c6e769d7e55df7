"""The package alisio-prov: install it, build its example outside the tree, run it, read its record.

    package_test.py CMAKE BUILD_FOLDER SOURCE_FOLDER
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

cmake, build, source = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    run(cmake, "--install", build, "--component", "alisio-prov", "--prefix", place / "prefix")
    shutil.copytree(source / "prov/example", place / "example")
    cache = (build / "CMakeCache.txt").read_text("utf-8")
    sanitizer = "-fsanitize=address,undefined" if "ALISIO_SANITIZE:BOOL=ON" in cache else ""
    run(cmake, "-S", place / "example", "-B", place / "build",
        f"-DCMAKE_PREFIX_PATH={place / 'prefix'}", f"-DCMAKE_CXX_FLAGS={sanitizer}")
    run(cmake, "--build", place / "build")
    (place / "numbers.txt").write_text("1\n2.5\n", "utf-8")
    told = run(place / "build/sum_numbers", place / "example/definition.yaml",
               place / "numbers.txt", place / "sum.txt", place / "record").strip()
    assert (place / "sum.txt").read_text("utf-8") == "7\n"
    document = json.loads(pathlib.Path(told).read_text("utf-8"))
    (activity,) = document["activity"].values()
    assert activity["prov:label"] == "sum_numbers", activity
    roles = {facts["prov:role"] for facts in document["used"].values()}
    assert "Numbers" in str(roles), roles
    (made,) = document["wasGeneratedBy"].values()
    assert str(place / "sum.txt") in json.dumps(document["entity"][made["prov:entity"]]), made
    assert pathlib.Path(told).with_suffix(".svg").exists()
