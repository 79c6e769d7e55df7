"""Compare alisio significance with theta2_significance of lstosa and the functions of lstchain, gammapy, pyirf.

Three runs of made-up DL2: two around the Crab Nebula, opposite to each other, one around Mrk 421, with
interleaved events, NaN rows and a break. The peers' own functions give source positions, theta2,
histograms, selected events, effective time and significance; names are not looked up over the network.

Two things differ by intent: lstosa hands Li & Ma the exposure off over on, and gets the effective time
of several runs from their table as one.
"""

import json
import shutil
import sys

import numpy as np
import pandas as pd
import tables
from compare import Comparison, arguments, run

DL2 = "/dl2/event/telescope/parameters/LST_LSTCam"
FOCAL, SEED = 28.0, 7
CRAB, MRK421 = (83.6331, 22.0145), (166.1138, 38.2088)
CUTS = {"gammaness_global_cut": 0.7, "theta2_global_cut": 0.04, "theta2_range": [0, 1],
        "theta2_norm_range_min": 0.5, "theta2_norm_range_max": 1}


def pointing_of(source, offset_deg, time):
    """Return altitude and azimuth, rad, of a place at a distance from a source in declination."""
    import astropy.units as u
    from astropy.coordinates import AltAz, SkyCoord
    from astropy.time import Time
    from ctapipe_io_lst.constants import LST1_LOCATION

    frame = AltAz(location=LST1_LOCATION, obstime=Time(time, format="unix", scale="utc"))
    at = SkyCoord(source[0] * u.deg, (source[1] + offset_deg) * u.deg).transform_to(frame)
    return at.alt.rad, at.az.rad


def source_in_camera(data, source):
    """Return the source's place in the camera by lstchain, m."""
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from lstchain.reco.utils import radec_to_camera

    place = radec_to_camera(
        SkyCoord(source[0] * u.deg, source[1] * u.deg),
        pd.to_datetime(data["dragon_time"], unit="s"),
        u.Quantity(data["alt_tel"], u.rad), u.Quantity(data["az_tel"], u.rad), focal=FOCAL * u.m)
    return place.x.to_value(u.m), place.y.to_value(u.m)


def make_run(folder, number, source, offset_deg, start, events=20000):
    """Write a DL2 file of showers around a source and a background, return its table."""
    random = np.random.default_rng(SEED + number)
    delta = 7e-6 + random.exponential(2e-4, events)
    delta[events // 2] = 5.0
    data = pd.DataFrame({"obs_id": number, "event_id": np.arange(1, events + 1)})
    data["dragon_time"] = start + np.cumsum(delta)
    data["delta_t"] = np.insert(np.diff(data["dragon_time"]), 0, 0)
    data["alt_tel"], data["az_tel"] = pointing_of(source, offset_deg, data["dragon_time"].to_numpy())
    data["event_type"] = random.choice([32, 0, 2], events, p=[0.95, 0.025, 0.025])
    data["gammaness"] = random.random(events)
    x, y = source_in_camera(data, source)
    signal = random.random(events) < 0.05
    data["reco_src_x"] = np.where(signal, x + random.normal(0, 0.05, events),
                                  random.normal(0, 0.4, events))
    data["reco_src_y"] = np.where(signal, y + random.normal(0, 0.05, events),
                                  random.normal(0, 0.4, events))
    odd = random.choice(events, 40, replace=False)
    data.loc[odd[:20], "gammaness"] = np.nan
    data.loc[odd[20:], "reco_src_x"] = np.nan
    file = folder / f"dl2_LST-1.Run{number:05d}.h5"
    with tables.open_file(str(file), "w") as out:
        out.create_table(DL2.rsplit("/", 1)[0], "LST_LSTCam", obj=data.to_records(index=False),
                         createparents=True)
    return data


def theirs_of(data, source, n_off=1):
    """Count as lstosa (one off position) or analyze_wobble of lstchain (several) does."""
    import astropy.units as u
    from lstchain.reco.utils import compute_theta2, rotate
    from osa.high_level.significance import create_hist, event_selection

    selected = event_selection(data, CUTS)
    x, y = (axis * u.m for axis in source_in_camera(selected, source))
    on = np.array(compute_theta2(selected, (x, y)))
    if n_off == 1:
        off = np.array(compute_theta2(selected, (-x, -y)))
    else:
        off = []
        for point in range(1, n_off + 1):
            turned = selected.copy()
            places = rotate(tuple(zip(selected["reco_src_x"], selected["reco_src_y"])),
                            360.0 / (n_off + 1) * point)
            turned["reco_src_x"] = [place[0] for place in np.reshape(places, (-1, 2))]
            turned["reco_src_y"] = [place[1] for place in np.reshape(places, (-1, 2))]
            off.append(np.array(compute_theta2(turned, (x, y))))
        off = np.concatenate(off)
    on, off = on[np.isfinite(on)], off[np.isfinite(off)]
    hist_on, hist_off, edges, _, _ = create_hist(on, off, CUTS)
    inside = edges[1:] <= CUTS["theta2_global_cut"]
    low, high = (np.abs(edges - CUTS[f"theta2_norm_range_{end}"]).argmin() for end in ("min", "max"))
    return {"n_on": hist_on[inside].sum(), "n_off": hist_off[inside].sum(),
            "norm_on": hist_on[low:high].sum(), "norm_off": hist_off[low:high].sum(),
            "on": hist_on, "off": hist_off, "selected": len(selected)}


def compare_row(compare, label, row, theirs, alpha):
    from gammapy.stats import WStatCountsStatistic
    from pyirf.statistics import li_ma_significance

    for name in ("n_on", "n_off", "norm_on", "norm_off"):
        compare.column(f"{label}: {name}", row[name], theirs[name])
    compare.column(f"{label}: alpha", row["alpha"], alpha, relative=1e-12)
    statistic = WStatCountsStatistic(row["n_on"], row["n_off"], alpha)
    compare.column(f"{label}: significance, gammapy", row["significance"], float(statistic.sqrt_ts),
                   absolute=1e-9)
    compare.column(f"{label}: significance, pyirf", row["significance"],
                   li_ma_significance(row["n_on"], row["n_off"], alpha), absolute=1e-9)
    compare.column(f"{label}: excess", row["excess"], float(statistic.n_sig), relative=1e-12)


def main():
    inputs = arguments(__doc__)
    import astropy.units as u
    from astropy.utils import iers
    from gammapy.stats import WStatCountsStatistic
    from lstchain.reco.utils import get_effective_time

    iers.conf.auto_download = False
    compare = Comparison("significance")
    compare.width = 52
    folder = inputs.work / "dl2"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    runs = {11220: (CRAB, 0.4, 1671145200.0), 11221: (CRAB, -0.4, 1671146400.0),
            11222: (MRK421, 0.4, 1671160000.0)}
    data = {number: make_run(folder, number, *what) for number, what in runs.items()}
    ours = {}
    for name, words in {"one": [], "three": ["--set", "significance.n_off=3", "--set",
                                             "significance.normalisation=positions"]}.items():
        output = inputs.work / name
        shutil.rmtree(output, ignore_errors=True)
        run([inputs.alisio, "significance", "--input", *sorted(folder.glob("*.h5")), "--output-dir",
             output, "--date", "20221215", *words])
        ours[name] = json.loads((output / "significance_20221215.json").read_text("utf-8"))

    sources = {source["name"]: source for source in ours["one"]["sources"]}
    compare.truth("sources", list(sources) == ["Crab Nebula", "Mrk 421"], str(list(sources)))
    for name, place, numbers in (("Crab Nebula", CRAB, [11220, 11221]), ("Mrk 421", MRK421, [11222])):
        source = sources[name]
        for number, row in zip(numbers, source["runs"]):
            theirs = theirs_of(data[number], place)
            compare.column(f"{number}: selected", row["selected_events"], theirs["selected"])
            compare_row(compare, str(number), row, theirs, theirs["norm_on"] / theirs["norm_off"])
            effective, elapsed = get_effective_time(data[number])
            compare.column(f"{number}: effective time", row["effective_time_s"],
                           effective.to_value(u.s), relative=1e-9)
            compare.column(f"{number}: elapsed time", row["elapsed_time_s"], elapsed.to_value(u.s),
                           relative=1e-9)
        together = theirs_of(pd.concat([data[number] for number in numbers]), place)
        compare_row(compare, f"{name}, all", source["sum"], together,
                    together["norm_on"] / together["norm_off"])
        # Tables of the Earth's orientation differ by 0.1 arcsec, which carries events over edges.
        compare.column(f"{name}: histogram on", source["on"], together["on"], absolute=2)
        compare.column(f"{name}: histogram off", source["off"], together["off"], absolute=2)
        theirs, _ = get_effective_time(pd.concat([data[number] for number in numbers]))
        compare.column(f"{name}: effective time of all", source["sum"]["effective_time_s"],
                       theirs.to_value(u.s), relative=1e-3)
        inverse = float(WStatCountsStatistic(together["n_on"], together["n_off"],
                                             together["norm_off"] / together["norm_on"]).sqrt_ts)
        print(f"     {name}: lstosa, with the inverse ratio, would say {inverse:.3f}, "
              f"not {source['sum']['significance']:.3f}")
    crab = ours["three"]["sources"][0]
    theirs = theirs_of(pd.concat([data[11220], data[11221]]), CRAB, n_off=3)
    compare_row(compare, "Crab Nebula, three off positions", crab["sum"], theirs, 1 / 3)
    sys.exit(compare.finish())


if __name__ == "__main__":
    main()
