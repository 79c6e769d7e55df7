"""Scripts that people run on products and models: what they say of input that is not whole."""

import os
import subprocess
import sys
from pathlib import Path

from harness import Skipped, expect

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
PEER = os.environ.get("ALISIO_PEER_PYTHON", sys.executable)

MAKE_TABLES = """
import sys, tables
for path, *names in [argument.split("=") for argument in sys.argv[1:]]:
    with tables.open_file(path, "w") as file:
        for name in names:
            where, _, leaf = name.rpartition("/")
            table = file.create_table(where, leaf, {"event_id": tables.Int64Col()}, createparents=True)
            table.append([(1,), (2,)])
"""


def call(*words):
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False,
                          timeout=60)


def case_comparison_needs_a_reference(case):
    """A reference without the events' parameters is a fault, not agreement."""
    if call(PEER, "-c", "import numpy, tables").returncode != 0:
        raise Skipped(f"{PEER} has no PyTables (set ALISIO_PEER_PYTHON)")
    whole, empty, begun = (case.folder / f"{name}.h5" for name in ("whole", "empty", "begun"))
    events, camera = "/dl1/event/telescope/parameters/LST_LSTCam", "/configuration/camera"
    made = call(PEER, "-c", MAKE_TABLES, f"{whole}={events}={camera}", f"{empty}",
                f"{begun}={camera}")
    expect(made.returncode == 0, made.stderr)
    for reference, code in ((whole, 0), (empty, 1), (begun, 1)):
        said = call(PEER, SCRIPTS / "compare-with-lstchain", whole, reference)
        expect(said.returncode == code, f"{reference}: exit code {said.returncode}\n{said.stdout}")
        expect(("holds no table" in said.stdout) == (code == 1), said.stdout)


def case_help_of_the_model_converter(case):
    """Its help needs no numpy; its work does, and says so."""
    script = [sys.executable, "-I", "-S", SCRIPTS / "convert-models"]
    said = call(*script, "--help")
    expect(said.returncode == 0 and "--training-dir" in said.stdout, f"{said}")
    said = call(*script, case.folder, case.folder / "set.forest")
    expect(said.returncode == 4 and "numpy is missing" in said.stderr, f"{said}")
