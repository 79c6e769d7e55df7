"""What the comparisons with the peers' programs have in common.

Each `<tool>_with_lstchain.py` beside this file makes or takes an input, runs the peer's program and
alisio on it, compares what they made, and exits 1 if something differs by more than it may. They are
run by the Python of an lstchain environment; the peers' programs are looked for beside it.

--shared names a folder of reference data. A comparison takes of it some of
- data/{night,night_r1v1}/: R0/ and monitoring/ of small nights; data/calibration/: their constants,
- data/models/small/: models of lstchain,
- data/reference/: what lstchain makes (dl1/, dl1_r1v1/, dl2_10k/, muons/; images/: DL1 of edge cases and
  its data check),
- tools/: synthetic_night.py, synthetic_dl1_images.py and synthetic_dl1_parameters.py, which make fresh
  data of a seed, and peer_time_calibration.py, which mends a crash of the peer's.

    compare = Comparison("drs4_pedestal")
    inputs = arguments(__doc__)
    run([inputs.alisio, "drs4-pedestal", ...])
    run([peer("lstchain_create_drs4_pedestal_file"), ...])
    compare.column("baseline_mean", ours, theirs)
    sys.exit(compare.finish())
"""

import argparse
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def arguments(description, add=None):
    """Return the parsed command line: alisio, shared, work (made if absent), as absolute paths, and
    go to work.

    `add` may be a function that adds arguments to the parser.
    """
    parser = argparse.ArgumentParser(description=(description or "").strip().split("\n")[0])
    parser.add_argument("--alisio", type=Path, required=True, help="the program")
    parser.add_argument("--shared", type=Path, required=True, help="folder of reference data")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs and products")
    if add:
        add(parser)
    known = parser.parse_args()
    for name in ("alisio", "shared", "work"):
        setattr(known, name, getattr(known, name).resolve())
    for needed in (known.alisio, known.shared):
        if not needed.exists():
            parser.exit(4, f"{needed} does not exist\n")
    known.work.mkdir(parents=True, exist_ok=True)
    # The peers' programs write records into the folder that they run in.
    os.chdir(known.work)
    return known


def peer(name):
    """Return the path of a peer's program, beside the running Python."""
    return Path(sys.executable).with_name(name)


@dataclass
class Run:
    """How a program went."""

    seconds: float  # processor time, user and system
    out: str
    err: str
    code: int


def run(words, expect_code=0, **options):
    """Run a program on one thread. Exit, showing what it said, if it ends otherwise than expected.

    expect_code may be None: any."""
    words = [str(word) for word in words]
    one = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | one, **options
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if expect_code is not None and done.returncode != expect_code:
        sys.exit(
            f"$ {' '.join(words)}\nexit code {done.returncode}\n{done.stdout[-4000:]}"
            f"{done.stderr[-8000:]}"
        )
    return Run(seconds, done.stdout, done.stderr, done.returncode)


def synthetic_night(shared, folder, *options):
    """Return a folder with a synthetic night of the given options, made once."""
    if not (folder / "made").exists():
        tool = shared / "tools" / "synthetic_night.py"
        run([sys.executable, tool, "--out", folder, *options])
        (folder / "made").write_text(" ".join(map(str, options)) + "\n", encoding="utf-8")
    return folder


def first_stream(folder, run_number, subrun=0):
    """Return the file of stream 1 of a run below a night's folder."""
    found = sorted(folder.glob(f"R0/*/LST-1.1.Run{run_number:05d}.{subrun:04d}.fits.fz"))
    if not found:
        sys.exit(f"no raw file of run {run_number} below {folder}")
    return found[0]


def table(file, path):
    """Return a PyTables table as a NumPy structured array."""
    import tables

    with tables.open_file(str(file)) as opened:
        return opened.get_node(path).read()


def array(file, path):
    """Return a plain HDF5 dataset."""
    import h5py

    with h5py.File(file) as opened:
        return opened[path][()]


class Comparison:
    """Compares columns one by one and prints a line for each."""

    def __init__(self, name):
        self.name = name
        self.faults = 0
        self.columns = 0
        self.width = 40

    def column(self, label, ours, theirs, relative=0.0, absolute=0.0, where=None):
        """Compare two arrays: |ours - theirs| <= absolute + relative * |theirs|, NaN equals NaN.

        Both 0: equal. `where`: only these elements."""
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        if ours.shape != theirs.shape:
            return self.fault(label, f"shape {ours.shape}, the peer's is {theirs.shape}")
        if where is not None:
            ours, theirs = ours[where], theirs[where]
        if ours.dtype.kind in "SUO" or theirs.dtype.kind in "SUO":
            wrong = ours.astype(str) != theirs.astype(str)
            return self._report(label, wrong, "", ours.size)
        if not relative and not absolute:
            same = ours == theirs
            if ours.dtype.kind == "f":
                same |= np.isnan(ours) & np.isnan(theirs)
            difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
            allowed = "equal"
        else:
            mine, other = ours.astype(np.float64), theirs.astype(np.float64)
            with np.errstate(invalid="ignore"):
                difference = np.abs(mine - other)
            same = difference <= absolute + relative * np.abs(other)
            same |= (mine == other) | (np.isnan(mine) & np.isnan(other))
            difference = np.where(mine == other, 0.0, difference)
            parts = [f"{relative:g} relative"] * bool(relative)
            parts += [f"{absolute:g} absolute"] * bool(absolute)
            allowed = ", ".join(parts)
        finite = difference[np.isfinite(difference)]
        largest = f"largest difference {finite.max() if finite.size else 0:.3g} (allowed: {allowed})"
        return self._report(label, ~same, largest, ours.size)

    def truth(self, label, holds, text=""):
        """Check that something holds."""
        self.columns += 1
        self.faults += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {label:{self.width}} {text}")
        return bool(holds)

    def fault(self, label, text):
        """Say that a column cannot be compared at all."""
        return self.truth(label, False, text)

    def _report(self, label, wrong, text, size):
        count = int(np.count_nonzero(wrong))
        if count:
            first = tuple(int(i[0]) for i in np.nonzero(wrong)) if wrong.ndim else ()
            text += f"; {count} of {size} differ, the first at {first}"
        return self.truth(label, count == 0, f"{text} [{size} values]")

    def finish(self):
        """Print the sum and return the exit code."""
        print(f"{self.name}: {self.columns - self.faults} of {self.columns} checks hold")
        return 1 if self.faults else 0
