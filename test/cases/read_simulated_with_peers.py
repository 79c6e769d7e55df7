#!/usr/bin/env python3
"""Check that the observatory's readers accept a simulated night and find in it what was simulated.

Usage: read_simulated_with_peers.py NIGHT_FOLDER [--events N]

Optional test: needs Python with protozfits, ctapipe_io_lst, lstchain (for its file checks) and what
they bring. Every table of every raw file of the night is read with protozfits; events of the first
data run and of the calibration run are calibrated by LSTEventSource with the constants of the night,
and charges, noise and times are compared with the truth.
"""

import argparse
import csv
import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")

DRS4_RUN, CALIBRATION_RUN, DATA_RUN = 11218, 11219, 11220
FLAT_FIELD, PEDESTAL, SHOWER = 0, 2, 32
KINDS = {"flatfield": FLAT_FIELD, "pedestal": PEDESTAL}
FLAT_FIELD_PE = 75
failures = []


def check(name, value, low, high):
    good = low <= value <= high
    print(f"{'ok  ' if good else 'FAIL'} {name}: {value:.5g} (expected {low:g} to {high:g})")
    if not good:
        failures.append(name)


def read_truth(folder, run):
    with open(folder / "truth" / f"truth_Run{run:05d}.csv", newline="", encoding="utf-8") as file:
        return {int(row["event_id"]): row for row in csv.DictReader(file)}


def read_raw(folder):
    """Read all tables with protozfits; the events of a run must be those of the truth, each once."""
    import protozfits

    seen, out_of_turn = {}, 0
    for path in sorted(folder.glob("R0/*/LST-1.*.fits.fz")):
        file = protozfits.File(str(path))
        run = int(path.name.split("Run")[1][:5])
        stream = int(path.name.split(".")[1])
        if hasattr(file, "CameraConfig"):
            config = file.CameraConfig[0]
            assert config.configuration_id == run and config.num_pixels == 1855
            assert len(set(config.expected_pixels_id)) == 1855
        else:
            config = file.CameraConfiguration[0]
            assert config.local_run_id == run and file.DataStream[0].obs_id == run
            assert len(set(config.pixel_id_map)) == 1855
        previous = 0
        for event in file.Events:
            assert event.event_id > previous and len(event.waveform) == 2 * 1855 * 40
            previous = event.event_id
            assert event.event_id not in seen.setdefault(run, set())
            seen[run].add(event.event_id)
            out_of_turn += (event.event_id - 1) % 4 != stream - 1
    total = sum(len(ids) for ids in seen.values())
    for run, ids in seen.items():
        assert ids == set(read_truth(folder, run)), f"events of run {run}"
    check("events read", total, 1, 1e9)
    check("share of events out of turn", out_of_turn / total, 0.01, 0.08)


def one(folder, pattern):
    (path,) = folder.glob("monitoring/" + pattern)
    return str(path)


def source_config(folder):
    from traitlets.config import Config

    config = Config()
    source = config.LSTEventSource
    source.calibrate_flatfields_and_pedestals = True
    source.EventTimeCalculator.run_summary_path = one(folder, "RunSummary/*.ecsv")
    source.PointingSource.drive_report_path = one(folder, "DrivePositioning/DrivePosition*.txt")
    tree = "PixelCalibration/Cat-A/"
    corrections = source.LSTR0Corrections
    corrections.select_gain = False
    corrections.drs4_pedestal_path = one(folder, tree + "drs4_baseline/*/pro/*.h5")
    corrections.calibration_path = one(folder, tree + "calibration/*/pro/*.h5")
    corrections.drs4_time_calibration_path = one(
        folder, tree + "drs4_time_sampling_from_FF/*/pro/*.h5")
    return config


def charges_12(waveform):
    """Charge in 12 samples around the peak, from 5 before it, and the peak position."""
    peak = waveform.argmax(axis=-1)
    start = np.clip(peak - 5, 0, waveform.shape[-1] - 12)
    index = start[..., None] + np.arange(12)
    return np.take_along_axis(waveform, index, axis=-1).sum(axis=-1), peak


def calibrate(folder, run, n_events):
    from ctapipe_io_lst import LSTEventSource

    truth = read_truth(folder, run)
    path = sorted(folder.glob(f"R0/*/LST-1.1.Run{run:05d}.0000.fits.fz"))[0]
    config = source_config(folder)
    flat, pedestal, residual, times, showers, alt = [], [], [], [], [], []
    with LSTEventSource(str(path), config=config, max_events=n_events) as source:
        for i, event in enumerate(source):
            row = truth[event.index.event_id]
            expected = KINDS.get(row["kind"], SHOWER)
            assert int(event.trigger.event_type.value) == expected, (i, row["kind"])
            r1 = event.r1.tel[1]
            pointing = event.pointing.tel[1]
            alt.append(np.rad2deg(pointing.altitude.to_value("rad")) - float(row["alt_deg"]))
            if i < 100:
                continue  # cells that were not read before have no time lapse yet
            waveform = r1.waveform
            if expected == FLAT_FIELD:
                charge, peak = charges_12(waveform)
                flat.append(charge)
                shift = event.calibration.tel[1].dl1.time_shift
                weight = np.clip(waveform, 0, None)
                window = np.arange(waveform.shape[-1])
                mean = (weight * window).sum(-1) / np.maximum(weight.sum(-1), 1e-9) / 1.024
                times.append(mean - shift)
            elif expected == PEDESTAL:
                pedestal.append(waveform[..., 12:24].sum(axis=-1))
                residual.append(waveform.mean(axis=-1))
            else:
                high, low = waveform
                bright = high.max(axis=-1, keepdims=True) > 40  # p.e. in a sample: near saturation
                showers.append((float(row["size_pe"]), row["kind"],
                                float(np.where(bright, low, high).sum()), float(row["x"]),
                                float(row["y"])))
    return flat, pedestal, residual, times, showers, alt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("night", type=Path)
    parser.add_argument("--events", type=int, default=300, help="of each run to calibrate")
    options = parser.parse_args()
    read_raw(options.night)
    usable = np.ones(1855, bool)
    usable[[777, 1500, 901, 300, 301, 1234]] = False
    for run in (CALIBRATION_RUN, DATA_RUN):
        flat, pedestal, residual, times, showers, alt = calibrate(options.night, run, options.events)
        name = f"run {run}"
        if not flat or not pedestal:
            print(f"skip {name}: too few events after the first 100 for a comparison")
            continue
        for gain, label in enumerate(("high gain", "low gain")):
            charge = np.array([f[gain] for f in flat])[:, usable]
            check(f"{name}: flat field, {label}, p.e.", charge.mean(), FLAT_FIELD_PE - 1.5,
                  FLAT_FIELD_PE + 1.5)
            check(f"{name}: flat field, {label}, spread over pixels, p.e.",
                  charge.mean(axis=0).std(), 0, 0.5 + 10 / np.sqrt(len(charge)))
            zero = np.array([p[gain] for p in pedestal])[:, usable]
            check(f"{name}: pedestal of 12 samples, {label}, p.e.", zero.mean(), -0.15, 0.15)
            check(f"{name}: rms of pedestals, {label}, p.e.", zero.std(), 0.8, 4.0)
            pixel_means = np.array([r[gain] for r in residual])[:, usable]
            check(f"{name}: mean pedestal sample, {label}, p.e.", pixel_means.mean(), -0.01, 0.01)
            spread = np.array([t[gain] for t in times])[:, usable]
            spread = (spread - np.median(spread, axis=1)[:, None]).std(axis=0)
            if len(times) > 9:
                check(f"{name}: flat-field time per pixel, {label}, rms in ns", np.median(spread),
                      0.1, 0.6)
        check(f"{name}: altitude against the truth, deg", np.abs(alt).max(), 0, 1e-4)
        if run == DATA_RUN:
            ratio = [total / size for size, kind, total, x, y in showers
                     if kind == "gamma" and size > 300 and np.hypot(x, y) < 0.7]
            check("gammas: light found over light made", np.median(ratio), 0.8, 1.2)
            check("showers calibrated", len(showers), 1, 1e9)
    if failures:
        print(f"{len(failures)} checks failed", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
