"""Compare alisio run-summary with lstchain_create_run_summary, and let lstchain work with ours.

Nights in both formats, with lost clock pulses and missing modules; then lstchain's r0_to_dl1 with
our run summary of the sample night against the DL1 that it made with its own, and alisio's
r0-to-dl1 with lstchain's summary against the one with ours. lstchain takes fractions of 500 events
whatever it reads, so types are compared for runs that are long enough for it.
"""

import json
import shutil
import sys

import numpy as np
from astropy.table import Table
from compare import Comparison, arguments, first_stream, peer, run, synthetic_night, table

EVENTS_FOR_A_TYPE = 500

# lstchain's program; with NumPy 2 it dies of its own -1 for an unsigned column, which older versions
# of NumPy took for the largest number.
PEER = """
import sys
from lstchain.scripts import lstchain_create_run_summary as program
sys.argv[0] = "lstchain_create_run_summary"
program.COUNTER_DEFAULTS["dragon_reference_counter"] = 2**64 - 1
program.main()
"""

NIGHTS = {
    "proto_r1": ("20221215", ["--seed", 1, "--n-drs4", 505, "--n-calib", 505, "--n-data", 505]),
    "r1v1": (
        "20240215",
        ["--seed", 3, "--format", "r1v1", "--first-run", 17000]
        + ["--n-drs4", 505, "--n-calib", 505, "--n-data", 505],
    ),
    "odd": (
        "20221216",
        ["--seed", 5, "--what", "data", "--data-run", 11302, "--n-data", 60, "--subruns", 1]
        + ["--ucts-jumps", 20, 41, "--drop-modules", 7, 100],
    ),
}


def summary_of(alisio, night, date, folder):
    run([alisio, "run-summary", date, "--r0", night / "R0", "--output-dir", folder])
    return folder / f"RunSummary_{date}.ecsv"


def compare_night(compare, name, files, inputs):
    date, options = files
    night = synthetic_night(inputs.shared, inputs.work / name, "--date", date, *options)
    ours_file = summary_of(inputs.alisio, night, date, inputs.work / "ours")
    theirs_folder = inputs.work / "theirs"
    theirs_folder.mkdir(exist_ok=True)
    run(
        [sys.executable, "-c", PEER, "-d", date, "--r0-path", night / "R0"]
        + ["-o", theirs_folder, "--overwrite", "--tcu-server", "localhost"]
    )
    ours = Table.read(ours_file)
    theirs = Table.read(theirs_folder / ours_file.name)
    compare.truth(f"{name}: columns", ours.colnames == theirs.colnames, str(len(ours.colnames)))
    compare.truth(f"{name}: date", ours.meta["date"] == theirs.meta["date"], ours.meta["date"])
    for column in theirs.colnames:
        where = None
        if column == "run_type":
            lengths = [sum_of_events(night, number) for number in theirs["run_id"]]
            where = np.array(lengths) >= EVENTS_FOR_A_TYPE
        elif ours[column].dtype.kind != "U":
            compare.truth(
                f"{name}: type of {column}",
                ours[column].dtype == theirs[column].dtype,
                str(ours[column].dtype),
            )
        compare.column(f"{name}: {column}", ours[column], theirs[column], where=where)


def sum_of_events(night, number):
    """Return the number of events of a run's first subrun, from the simulated truth."""
    truth = night / "truth" / f"truth_Run{number:05d}.csv"
    if not truth.exists():
        return EVENTS_FOR_A_TYPE
    return len(truth.read_text(encoding="utf-8").splitlines()) - 1


def compare_dl1(compare, inputs):
    """lstchain's r0_to_dl1 must make the same DL1 with our summary as it made with its own."""
    data = inputs.shared / "data"
    summary = summary_of(inputs.alisio, data / "night", "20221215", inputs.work / "sample")
    raw = first_stream(data / "night", 11220)
    constants = data / "calibration"
    charge = next(constants.glob("calibration_filters_52.Run11219*.h5"))
    out = inputs.work / "dl1"
    shutil.rmtree(out, ignore_errors=True)  # lstchain replaces nothing
    run(
        [peer("lstchain_data_r0_to_dl1"), "-f", raw, "-o", out, "-r", summary]
        + ["-p", constants / "drs4_pedestal.Run11218.0000.h5", "--calib", charge]
        + ["-t", constants / "time_calibration.Run11219.0000.h5", "--pointing-file"]
        + [next((data / "night" / "monitoring").rglob("DrivePosition_log_20221215.txt"))]
    )
    path = "/dl1/event/telescope/parameters/LST_LSTCam"
    made = table(out / "dl1_LST-1.Run11220.0000.h5", path)
    reference = table(data / "reference" / "dl1" / "dl1_LST-1.Run11220.0000.h5", path)
    for column in ("event_id", "event_type", "dragon_time", "ucts_jump"):
        compare.column(f"lstchain's DL1 with ours: {column}", made[column], reference[column])
    for column in ("intensity", "time_gradient"):  # last digits depend on the version of NumPy
        label = f"lstchain's DL1 with ours: {column}"
        compare.column(label, made[column], reference[column], relative=1e-9, absolute=1e-9)

    hashes = {}
    theirs = next((data / "night" / "monitoring").rglob("RunSummary_20221215.ecsv"))
    for name, file in (("ours", summary), ("theirs", theirs)):
        folder = inputs.work / f"alisio_{name}"
        report = folder / "report.json"
        folder.mkdir(exist_ok=True)
        run(
            [inputs.alisio, "r0-to-dl1", "--input", raw, "--output-dir", folder]
            + ["--drs4-pedestal", constants / "drs4_pedestal.Run11218.0000.h5"]
            + ["--calibration", charge, "--run-summary", file, "--report", report]
        )
        activity = json.loads(report.read_text(encoding="utf-8"))["activities"][0]
        hashes[name] = activity["outputs"][0]["data_hash"]
    compare.truth("our DL1 with either summary", hashes["ours"] == hashes["theirs"], hashes["ours"])


def main():
    inputs = arguments(__doc__)
    compare = Comparison("run_summary")
    for name, night in NIGHTS.items():
        compare_night(compare, name, night, inputs)
    compare_dl1(compare, inputs)
    return compare.finish()


if __name__ == "__main__":
    sys.exit(main())
