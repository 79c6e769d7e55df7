#!/usr/bin/env python3
"""Compare `alisio long-term` with lstchain_longterm_dl1_check on the same data checks.

Makes data checks of several runs and subruns from one of lstchain's by changing its numbers, merges
them per run with lstchain, gives them muon rings, and runs both programs on the run-wise files.

Run it with the Python of lstchain 0.12:

    long_term_with_lstchain.py --alisio build/release/alisio --shared ../shared --work folder
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import tables
from astropy.table import Table
from ctapipe.io import read_table
from lstchain.datachecks.dl1_checker import merge_dl1datacheck_files

from compare import Comparison, arguments, peer, run

RUNS, SUBRUNS = range(3002, 3008), 3
N_PIXELS = 1855
# Spreads of runs: ours hold the spread between subruns, lstchain's do not.
SPREADS = {"ff_charge_stddev", "ped_charge_stddev", "ff_time_stddev", "ff_rel_time_stddev"}
PIXEL_SPREADS = {"ff_pix_charge_stddev", "ped_pix_charge_stddev", "ff_pix_rel_time_stddev"}


def make_inputs(check, muons, folder):
    """Write subrun-wise checks and muon files; some differ from subrun to subrun, one run is odd."""
    rng = np.random.default_rng(3)
    rings = Table.read(muons)
    for name in ("subruns", "runs", "muons"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for k, number in enumerate(RUNS):
        paths = []
        for subrun in range(SUBRUNS):
            path = folder / "subruns" / f"datacheck_dl1_LST-1.Run{number:05d}.{subrun:04d}.h5"
            shutil.copyfile(check, path)
            path.chmod(0o644)
            with tables.open_file(path, "a") as file:
                for name in ("cosmics", "pedestals", "flatfield"):
                    table = file.get_node("/dl1datacheck/" + name)
                    row = table.read()
                    row["subrun_index"] = subrun
                    scale = 1 + 0.02 * rng.normal(size=N_PIXELS)
                    for column in ("charge_mean", "charge_stddev", "time_mean", "relative_time_stddev"):
                        if row[column].ndim == 2:
                            row[column] *= scale.astype(row[column].dtype)
                    row["charge_mean"] += 0.3 * subrun
                    if number == RUNS[3] and name == "flatfield":
                        row["charge_mean"] *= 1.7
                    row["dragon_time"] += 86400 * k + 10 * subrun
                    row["num_events"] += 3 * subrun
                    row["elapsed_time"] += 0.01 * subrun
                    if subrun == 1:
                        row["num_nearby_stars"][:, 100:140] = 1
                    row["mean_alt_tel"] += 0.01 * k + 0.001 * subrun
                    row["mean_az_tel"] += 0.02 * subrun + 0.3 * k
                    row["tel_ra"] = (359.8 + 0.15 * subrun) % 360
                    table.modify_rows(0, 1, rows=row)
            paths.append(path)
            if (number, subrun) != (RUNS[2], 1):
                some = rings[rng.choice(len(rings), 40, replace=False)].copy()
                some["size_outside"] *= rng.random(40) < 0.5
                some.write(folder / "muons" / f"muons_LST-1.Run{number:05d}.{subrun:04d}.fits", overwrite=True)
        merged = Path(merge_dl1datacheck_files(paths))
        shutil.move(merged, folder / "runs" / merged.name)


def both_programs(alisio, folder):
    theirs = folder / "theirs" / "longterm_dl1_check.h5"
    run([peer("lstchain_longterm_dl1_check"), "-d", "runs", "--muons-dir", "muons", "-o", theirs, "--batch"],
        cwd=folder)
    run([alisio, "long-term", "20200101", "20200301", "--input-dir", folder / "runs", folder / "muons",
         "--output-dir", folder / "ours"])
    return folder / "ours" / "longterm_dl1_check.h5", theirs


def run_mean(folder, number, name, column):
    """The mean of a run, [pixel], stars left out: NaN for a pixel that never had a value."""
    table = read_table(folder / "runs" / f"datacheck_dl1_LST-1.Run{number:05d}.h5", "/dl1datacheck/" + name)
    n = np.repeat(np.array(table["num_events"], float)[:, None], N_PIXELS, axis=1)
    values = np.array(table[column], float)
    n[(np.array(table["num_nearby_stars"]) > 0) | ~np.isfinite(values)] = 0
    with np.errstate(invalid="ignore"):
        return (n * np.nan_to_num(values)).sum(axis=0) / n.sum(axis=0)


def run_spread(folder, number, name, mean, stddev, without_stars):
    """The spread of all events of a run, [pixel], from the means and spreads of its subruns."""
    table = read_table(folder / "runs" / f"datacheck_dl1_LST-1.Run{number:05d}.h5", "/dl1datacheck/" + name)
    n = np.repeat(np.array(table["num_events"], float)[:, None], N_PIXELS, axis=1)
    if without_stars:
        n[np.array(table["num_nearby_stars"]) > 0] = 0
    m, s = np.array(table[mean], float), np.array(table[stddev], float)
    n[~np.isfinite(m)] = 0
    m, s = np.nan_to_num(m), np.nan_to_num(s)
    with np.errstate(invalid="ignore"):
        average = (n * m).sum(axis=0) / n.sum(axis=0)
        return np.sqrt(np.maximum((n * (s**2 + m**2)).sum(axis=0) / n.sum(axis=0) - average**2, 0))


def main():
    inputs = arguments(__doc__)
    reference, folder = inputs.shared / "data/reference", inputs.work
    make_inputs(reference / "images/datacheck_dl1_LST-1.Run03002.0000.h5",
                reference / "muons/muons_LST-1.Run03001.0000.fits", folder)
    ours, theirs = both_programs(inputs.alisio, folder)
    compare = Comparison("long_term")
    compare.width = 75

    columns = {"charge": ("charge_mean", "charge_stddev"), "time": ("time_mean", "time_stddev"),
               "rel_time": ("relative_time_mean", "relative_time_stddev")}
    for key in ("runsummary", "cosmics", "pedestals", "flatfield"):
        a, b = pd.read_hdf(ours, key), pd.read_hdf(theirs, key)
        compare.truth(f"{key}: the same columns first", list(a.columns[: len(b.columns)]) == list(b.columns))
        for name in b.columns:
            if key == "runsummary" and name in SPREADS:
                kind, quantity = name.split("_", 1)
                table = {"ff": "flatfield", "ped": "pedestals"}[kind]
                mean, stddev = columns[quantity.removesuffix("_stddev")]
                expected = [np.nanmean(run_spread(folder, number, table, mean, stddev, True)) for number in RUNS]
                compare.column(f"{key} {name} (all events)", a[name], expected, 1e-6)
                compare.truth(f"{key} {name}: not below theirs", (a[name] >= b[name] * (1 - 1e-6)).all())
            elif key == "runsummary" and name.startswith("ff_time_mean"):
                # Pixels without pulses: lstchain takes them to arrive at 0 ns.
                means = [run_mean(folder, number, "flatfield", "time_mean") for number in RUNS]
                error = [np.nanstd(m) / np.sqrt(np.isfinite(m).sum()) for m in means]
                expected = error if name.endswith("_err") else [np.nanmean(m) for m in means]
                compare.column(f"{key} {name} (pixels with pulses)", a[name], expected, 1e-6)
            else:
                compare.column(f"{key} {name}", a[name], b[name], 1e-6, 1e-8)
    for key in ("pixwise_runsummary", "pixwise_runsummary_no_stars"):
        a, b = read_table(ours, "/" + key), read_table(theirs, "/" + key)
        for name in b.colnames:
            if name in PIXEL_SPREADS:
                kind, _, quantity = name.split("_", 2)
                table = {"ff": "flatfield", "ped": "pedestals"}[kind]
                mean, stddev = columns[quantity.removesuffix("_stddev")]
                expected = [run_spread(folder, number, table, mean, stddev, "stars" in key) for number in RUNS]
                compare.column(f"{key} {name} (all events)", a[name], expected, 1e-4)
            elif name == "ff_pix_rel_time_mean":
                silent = np.isnan(a[name])
                compare.truth(f"{key} {name}: NaN without pulses", (np.nan_to_num(b[name][silent]) == 0).all(),
                              f"{silent.sum()} pixels")
                compare.column(f"{key} {name}", a[name], b[name], 1e-5, 1e-7, where=~silent)
            else:
                compare.column(f"{key} {name}", a[name], b[name], 1e-5)
    return compare.finish()


if __name__ == "__main__":
    sys.exit(main())
