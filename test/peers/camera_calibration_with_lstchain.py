#!/usr/bin/env python3
"""Compare alisio camera-calibration with lstchain_create_calibration_file.

Runs both on a synthetic run of flat-fields and pedestals with lstchain's on-site configuration, with
and without a file of the F-factor's systematics. Constants and masks must agree to 1e-12 relative,
times to 1e-5 ns.
"""

import sys
from pathlib import Path

import numpy as np
from compare import Comparison, arguments, first_stream, peer, run, synthetic_night, table

CALIBRATION_RUN = 11219
FASTER = 20
TABLES = ("calibration", "flatfield", "pedestal", "pixel_status")


def add_options(parser):
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=1000, help="of the calibration run")
    parser.add_argument("--sample-size", type=int, default=400, help="events of each kind")
    parser.add_argument("--skip", type=int, default=100, help="first events that do not count")


def onsite_configuration():
    import lstchain

    return Path(lstchain.__file__).parent / "data" / "onsite_camera_calibration_param.json"


def systematics_file(folder):
    """Write a file of the F-factor's systematics: lstchain reads B_term alone."""
    import h5py

    path = folder / "scan_fit_20221201.0000.h5"
    with h5py.File(path, "w") as file:
        file["B_term"] = np.random.default_rng(7).uniform(0.005, 0.03, (2, 1855))
    return path


def compare_files(compare, label, ours, theirs, rows=1):
    """Compare the four tables of a charge calibration."""
    for name in TABLES:
        mine, other = table(ours, f"/tel_1/{name}"), table(theirs, f"/tel_1/{name}")
        compare.truth(f"{label} {name} columns", mine.dtype.names == other.dtype.names)
        compare.truth(f"{label} {name} rows", len(mine) == len(other) >= rows, f"{len(other)}")
        for column in other.dtype.names:
            is_time = column.startswith("time_") or column == "relative_time_median"
            limits = {}
            if other[column].dtype.kind == "f":
                limits = {"absolute": 1e-5} if is_time else {"relative": 1e-12}
            # The means of values around 0 are sums of what cancels.
            if column == "charge_mean":
                limits["absolute"] = 1e-10
            compare.column(f"{label} {name}.{column}", mine[column], other[column], **limits)


def main():
    given = arguments(__doc__, add_options)
    compare = Comparison("camera_calibration")
    night = synthetic_night(
        given.shared, given.work / f"camera_seed{given.seed}", "--seed", given.seed, "--what",
        "calib", "--n-calib", given.events, "--subruns", 1, "--date", "20221215",
    )
    raw = first_stream(night, CALIBRATION_RUN)
    constants = given.shared / "data" / "calibration"
    pedestal = constants / "drs4_pedestal.Run11218.0000.h5"
    time = constants / f"time_calibration.Run{CALIBRATION_RUN}.0000.h5"
    summary = given.shared / "data/night/monitoring/RunSummary/RunSummary_20221215.ecsv"
    seconds = {}
    for label, systematics in (("plain", None), ("B_term", systematics_file(night))):
        ours = night / f"ours_{label}" / f"calibration_filters_52.Run{CALIBRATION_RUN}.0000.h5"
        theirs = night / f"theirs_{label}.h5"
        words = [
            given.alisio, "camera-calibration", "--input", raw, "--drs4-pedestal", pedestal,
            "--time-calibration", time, "--run-summary", summary, "--output-dir", ours.parent,
            "--config", onsite_configuration(),
        ]
        for key in ("PedestalIntegrator.sample_size", "FlasherFlatFieldCalculator.sample_size"):
            words += ["--set", f"camera_calibration.{key}={given.sample_size}"]
        words += ["--set", f"camera_calibration.CalibrationHDF5Writer.events_to_skip={given.skip}"]
        if systematics:
            words += ["--ffactor-systematics", systematics]
        mine = run(words)
        other = run(
            [peer("lstchain_create_calibration_file"), f"--input_file={raw}",
             f"--output_file={theirs}", f"--pedestal_file={pedestal}",
             f"--time_calibration_file={time}", f"--run_summary_file={summary}",
             "--LSTEventSource.default_trigger_type=tib",
             "--EventSource.min_flatfield_adc=3000", "--EventSource.max_flatfield_adc=12000",
             f"--FlasherFlatFieldCalculator.sample_size={given.sample_size}",
             f"--PedestalIntegrator.sample_size={given.sample_size}",
             f"--events_to_skip={given.skip}", f"--config={onsite_configuration()}"]
            + ([f"--systematics_file={systematics}"] if systematics else [])
        )
        seconds[label] = (mine.seconds, other.seconds)
        compare_files(compare, label, ours, theirs)
    mine, other = map(sum, zip(*seconds.values()))
    compare.truth(
        "speed", other / mine >= FASTER,
        f"{other:.1f} s / {mine:.2f} s of processor = {other / mine:.1f} times (at least {FASTER})",
    )
    return compare.finish()


if __name__ == "__main__":
    sys.exit(main())
