"""Compare the muon files of r0-to-dl1 with lstchain's: rings and candidates of raw data.

lstchain runs in a process of its own, in which its ring analysis is watched: that gives the images
it fitted and the results of candidates that it does not store. Everything but the fit of the light
must be the same. The fit must be the same, or ours must be deeper in lstchain's own likelihood;
which rings are good then may differ where lstchain's minimiser stopped above the minimum, and the
comparison says how many.

Raw data: the shared night and its R1v1 sibling, and a fresh night (--seed).
"""

import pickle
import runpy
import shutil
import sys
import time

import numpy as np
from compare import Comparison, arguments, first_stream, peer, run, synthetic_night

# Columns that the fit of the light does not touch.
EXACT = (
    "event_time mc_energy ring_size size_outside num_pixels_in_ring "
    "hg_peak_sample lg_peak_sample"
).split()
CLOSE = ("ring_containment", "ring_center_x", "ring_center_y", "ring_radius", "radial_stdev")
FITTED = ("impact_parameter", "ring_width", "muon_efficiency")
SAME_FIT, SAME_NLL, DEEPER = 1e-3, 1e-3, 1.0


def watch(record, words):
    """Run lstchain_data_r0_to_dl1 and write what its ring analysis saw to `record`."""
    import lstchain.reco.r0_to_dl1 as stage

    seen, seconds = [], [0.0]
    analyse = stage.analyze_muon_event

    def watched(subarray, tel_id, event_id, image, *rest, **options):
        start = time.process_time()
        out = analyse(subarray, tel_id, event_id, image, *rest, **options)
        seconds[0] += time.process_time() - start
        light, mask, size, outside, ring, good, radial, around, more = out
        seen.append(
            {
                "event_id": int(event_id), "image": np.array(image), "mask": np.array(mask),
                "good_ring": bool(good),
                "ring_size": float(size), "size_outside": float(outside),
                "ring_center_x": ring.center_fov_lon.to_value("deg"),
                "ring_center_y": ring.center_fov_lat.to_value("deg"),
                "ring_radius": ring.radius.to_value("deg"),
                "ring_containment": float(more.containment),
                "radial_stdev": radial["standard_dev"].to_value("deg"),
                "radial_skewness": float(radial["skewness"]),
                "radial_excess_kurtosis": float(radial["excess_kurtosis"]),
                "num_pixels_in_ring": int(np.sum(mask)),
                "mean_pixel_charge_around_ring": float(around),
                "impact_parameter": light.impact.to_value("m"),
                "ring_width": light.width.to_value("deg"),
                "muon_efficiency": float(light.optical_efficiency),
                "fit_nll": float(light.likelihood_value),
            }
        )  # fmt: skip
        return out

    stage.analyze_muon_event = watched
    sys.argv = [str(peer("lstchain_data_r0_to_dl1")), *words]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        with open(record, "wb") as file:
            pickle.dump({"seen": seen, "seconds": seconds[0]}, file)


def likelihood_of(subarray, candidate, ours):
    """Return lstchain's negative log-likelihood of a candidate at our minimum."""
    import astropy.units as u
    from ctapipe.coordinates import TelescopeFrame
    from ctapipe.image.muon.intensity_fitter import build_negative_log_likelihood

    telescope = subarray.tel[1]
    nll = build_negative_log_likelihood(
        image=candidate["image"], optics=telescope.optics,
        geometry_tel_frame=telescope.camera.geometry.transform_to(TelescopeFrame()),
        mask=candidate["mask"], oversampling=3, min_lambda=300e-9 * u.m, max_lambda=600e-9 * u.m,
        spe_width=0.5, pedestal=1.1 * np.ones(len(candidate["image"])), hole_radius=0.308 * u.m,
    )  # fmt: skip
    return nll(
        impact_parameter=ours["impact_parameter"],
        phi=np.arctan2(ours["impact_y_array"], ours["impact_x_array"]),
        center_x=np.deg2rad(candidate["ring_center_x"]),
        center_y=np.deg2rad(candidate["ring_center_y"]),
        radius=np.deg2rad(candidate["ring_radius"]),
        ring_width=np.deg2rad(ours["ring_width"]),
        optical_efficiency_muon=ours["muon_efficiency"],
    )


def compare_fits(compare, state, ours, seen, subarray):
    """Compare the fits of all candidates that got as far; return who is good only with us."""
    same = deeper = 0
    worst, only_ours, only_theirs = -np.inf, [], []
    for row, candidate in zip(ours, seen):
        if np.isfinite(row["fit_nll"]) != np.isfinite(candidate["fit_nll"]):
            compare.fault(f"{state}: fit of event {row['event_id']}", "only one of us fits it")
            continue
        if not np.isfinite(row["fit_nll"]):
            continue
        check = likelihood_of(subarray, candidate, row)
        if abs(check - row["fit_nll"]) > 1e-4:
            compare.fault(f"{state}: likelihood of event {row['event_id']}", f"{check}")
        gain = candidate["fit_nll"] - row["fit_nll"]
        close = all(
            abs(row[name] - candidate[name]) <= SAME_FIT * abs(candidate[name]) for name in FITTED
        )
        worst = max(worst, -gain)
        same += close
        deeper += gain > DEEPER
        if row["good_ring"] != candidate["good_ring"]:
            (only_ours if row["good_ring"] else only_theirs).append(int(row["event_id"]))
            if gain < SAME_NLL:
                compare.fault(f"{state}: event {row['event_id']}", "good or not, at equal minima")
    fits = int(np.isfinite(ours["fit_nll"]).sum())
    compare.truth(
        f"{state}: minima no shallower", not worst > SAME_NLL,
        f"{fits} fits, {same} the same to {SAME_FIT}, {deeper} deeper by more than {DEEPER}, "
        f"shallower by {worst:.1e} at most; good with us only {only_ours}, "
        f"with lstchain only {only_theirs}",
    )  # fmt: skip


def compare_subrun(compare, state, inputs, subarray, raw, night, constants):
    from astropy.table import Table

    work = inputs.work / state
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    pedestal = next(constants.rglob("drs4_pedestal*.h5"))
    charge = next(constants.rglob("calibration_filters*.h5"))
    times = next(constants.rglob("time_calibration*.h5"))
    drive = next(night.glob("monitoring/DrivePositioning/DrivePosition_log_*"))
    run(
        [inputs.alisio, "r0-to-dl1", "--input", raw, "--output-dir", work / "ours"]
        + ["--drs4-pedestal", pedestal, "--calibration", charge, "--time-calibration", times]
        + ["--drive-log", drive]
    )
    record = work / "seen.pickle"
    run(
        [sys.executable, __file__, "--watch", record, "-f", raw, "-o", work / "theirs"]
        + ["-p", pedestal, "--calib", charge, "-t", times, "--pointing-file", drive],
        cwd=work,
    )
    with open(record, "rb") as file:
        content = pickle.load(file)
    seen = content["seen"]
    path = next((work / "ours").glob("muons_*.fits"))
    stored = Table.read(next((work / "theirs").glob("muons_*.fits")))
    rings, candidates = Table.read(path, hdu=1), Table.read(path, hdu="CANDIDATES")

    compare.truth(f"{state}: columns", rings.colnames == stored.colnames, f"{len(rings)} rings")
    analysed = candidates[candidates["cut"] != "pixel_count"]
    ids = [candidate["event_id"] for candidate in seen]
    compare.column(f"{state}: candidates", analysed["event_id"], ids)
    if list(analysed["event_id"]) != ids:
        return
    for name in (*EXACT, *CLOSE, "radial_skewness", "radial_excess_kurtosis"):
        if seen and name in seen[0]:
            theirs = [candidate[name] for candidate in seen]
            exact = name in EXACT
            compare.column(
                f"{state}: {name}", analysed[name], theirs, absolute=0 if exact else 1e-9
            )
    if seen:
        around = [candidate["mean_pixel_charge_around_ring"] for candidate in seen]
        compare.column(
            f"{state}: charge around", analysed["mean_pixel_charge_around_ring"], around, 1e-6
        )
    both = [i for i, event in enumerate(stored["event_id"]) if event in set(rings["event_id"])]
    rows = {event: i for i, event in enumerate(rings["event_id"])}
    mine = rings[[rows[stored["event_id"][i]] for i in both]]
    for name in EXACT:
        compare.column(f"{state}: stored {name}", mine[name], stored[name][both])
    compare_fits(compare, state, analysed, seen, subarray)
    if seen:
        per_image = content["seconds"] / len(seen) * 1e3
        print(f"  lstchain: {per_image:.0f} ms for each of {len(seen)} images")


def main():
    from ctapipe_io_lst import LSTEventSource

    def add(parser):
        parser.add_argument("--seed", type=int, default=21, help="of the fresh night")
        parser.add_argument("--events", type=int, default=150, help="of the fresh night")

    inputs = arguments(__doc__, add)
    compare = Comparison("muons")
    subarray = LSTEventSource.create_subarray(tel_id=1)
    data = inputs.shared / "data"
    constants = data / "calibration"
    night = data / "night"
    for subrun in (0, 1):
        compare_subrun(
            compare, f"night{subrun}", inputs, subarray, first_stream(night, 11220, subrun), night,
            constants,
        )  # fmt: skip
    r1v1 = data / "night_r1v1"
    compare_subrun(
        compare, "r1v1", inputs, subarray, first_stream(r1v1, 17000), r1v1, constants
    )
    fresh = synthetic_night(
        inputs.shared, inputs.work / f"fresh{inputs.seed}_{inputs.events}",
        "--what", "data", "--subruns", 1, "--n-data", inputs.events, "--seed", inputs.seed,
    )  # fmt: skip
    compare_subrun(
        compare, "fresh", inputs, subarray, first_stream(fresh, 11220), night, constants
    )
    sys.exit(compare.finish())


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--watch":
        watch(sys.argv[2], sys.argv[3:])
    else:
        main()
