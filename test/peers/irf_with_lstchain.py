"""Compare alisio irf with lstchain_create_irf_files, on DL2 of synthetic gammas and background.

Makes the simulated DL2 with the shared tool and lstchain_dl1_to_dl2, once. Tables must agree to
1e-12; BACKGROUND is compared turned, for lstchain writes its axes the wrong way round. gammapy
reads ours without a warning, and lstchain's own interpolation takes ours as its own.
"""

import json
import os
import shutil
import sys
import warnings

import astropy.units as u
import numpy as np
import tables
from astropy.io import fits
from compare import Comparison, arguments, peer, run

PARAMETERS = "/dl2/event/telescope/parameters/LST_LSTCam"
SOURCE_PARAMETERS = "/dl2/event/telescope/parameters_src_dependent/LST_LSTCam"
RUN_CONFIG = "/simulation/run_config"
EVENTS = {"gamma": 150000, "proton": 40000, "electron": 40000, "point": 40000}
# Who wrote a file and when; how a table is laid out is compared by its columns.
OWN_CARDS = {"CREATOR", "DATE", "CHECKSUM", "DATASUM", "COMMENT", "HISTORY", ""}
LAYOUT = ("TTYPE", "TFORM", "TUNIT", "TDIM", "NAXIS")
TOLERANCE = 1e-12
NODE = (23.63, 100.758)  # zenith angle and azimuth of one of the pointings, deg
BY_ENERGY = ["--energy-dependent-gh", "--energy-dependent-theta"]


def simulate(shared, folder, kind, seed):
    """Return a DL2 file of lstchain's of synthetic events of many pointings."""
    made = folder / f"dl2_{kind}.h5"
    if made.exists():
        return made
    dl1 = folder / f"dl1_{kind}.h5"
    tool = shared / "tools" / "synthetic_dl1_parameters.py"
    generator = "proton" if kind == "electron" else kind
    run([sys.executable, tool, generator, EVENTS[kind], dl1, "--seed", seed, "--obs", seed])
    run(
        [peer("lstchain_dl1_to_dl2"), "-f", dl1, "-p", shared / "data/models/small", "-o", folder],
        cwd=folder,
    )
    dl1.unlink()
    return made


def split_by_pointing(file, folder, kind):
    """Write the events of each pointing to a file of its own; return them by (zenith, azimuth)."""
    with tables.open_file(str(file)) as opened:
        rows = opened.get_node(PARAMETERS).read()
    if kind == "electron":
        rows["mc_type"] = 1  # protons stand in for them
    pointings = np.unique(np.round(np.stack([rows["mc_alt_tel"], rows["mc_az_tel"]], 1), 6), axis=0)
    files = {}
    for number, (altitude, azimuth) in enumerate(pointings):
        mine = (abs(rows["mc_alt_tel"] - altitude) < 1e-5) & (
            abs(rows["mc_az_tel"] - azimuth) < 1e-5
        )
        node = (round(90 - np.rad2deg(altitude), 3), round(np.rad2deg(azimuth), 3))
        files[node] = folder / f"dl2_{kind}_{number}.h5"
        if files[node].exists():
            continue
        shutil.copyfile(file, files[node])
        with tables.open_file(str(files[node]), "a") as opened:
            table = opened.get_node(PARAMETERS)
            table.remove_rows(0, table.nrows - 1)
            table.modify_rows(0, 1, rows=rows[mine][:1])
            table.append(rows[mine][1:])
            simulation = opened.get_node(RUN_CONFIG)
            config = simulation.read()
            config["n_showers"] //= len(pointings)
            for name in ("min_alt", "max_alt"):
                config[name] = rows["mc_alt_tel"][mine][0]
            for name in ("min_az", "max_az"):
                config[name] = rows["mc_az_tel"][mine][0]
            simulation.modify_rows(0, 1, rows=config)
    return files


def add_source_position(file, output):
    """Copy a DL2 file and give it what a source-dependent analysis writes, of the position "on"."""
    if output.exists():
        return output
    shutil.copyfile(file, output)
    warnings.simplefilter("ignore", tables.NaturalNameWarning)
    random = np.random.default_rng(9)
    with tables.open_file(str(output), "a") as opened:
        table = opened.get_node(PARAMETERS)
        rows = table.read()
        names = ["reco_energy", "gammaness"]
        kept = [name for name in rows.dtype.names if name not in names]
        source = np.zeros(len(rows), [(f"('on', '{name}')", "f8") for name in [*names, "alpha"]])
        for name in names:
            source[f"('on', '{name}')"] = rows[name]
        source["('on', 'alpha')"] = abs(random.normal(0, 8, len(rows))) % 90
        shared = np.zeros(len(rows), [(name, rows.dtype[name]) for name in kept])
        for name in kept:
            shared[name] = rows[name]
        parent, name = table._v_parent._v_pathname, table._v_name
        table.remove()
        opened.create_table(parent, name, shared)
        where, name = SOURCE_PARAMETERS.rsplit("/", 1)
        opened.create_table(where, name, source, createparents=True)
    return output


def create_with_lstchain(options, output, folder):
    """Run lstchain's tool in this process: starting it takes longer than what it does."""
    from ctapipe.core import run_tool
    from lstchain.tools.lstchain_create_irf_files import IRFFITSWriter

    output.unlink(missing_ok=True)
    words = [str(word) for word in [*options, "-o", output]]
    if code := run_tool(IRFFITSWriter(), argv=words, cwd=folder):
        sys.exit(f"lstchain_create_irf_files {' '.join(words)} ends with {code}")


def compare_files(compare, name, ours, theirs):
    mine, other = fits.open(ours), fits.open(theirs)
    names = [unit.name for unit in other]
    compare.truth(
        f"{name}: the same tables", [unit.name for unit in mine] == names, " ".join(names)
    )
    for unit in other[1:]:
        if unit.name not in [u.name for u in mine]:
            continue
        own = mine[unit.name]
        cards = {
            k: v for k, v in unit.header.items() if k not in OWN_CARDS and not k.startswith(LAYOUT)
        }
        wrong = [k for k, v in cards.items() if not same_card(own.header.get(k), v)]
        compare.truth(f"{name}: {unit.name}: {len(cards)} cards", not wrong, str(wrong or ""))
        columns = [(c.name, str(c.unit or "")) for c in unit.columns]
        compare.truth(
            f"{name}: {unit.name}: columns and units",
            [(c.name, str(c.unit or "")) for c in own.columns] == columns,
        )
        for column, _ in columns:
            values = unit.data[column]
            if column == "BKG":
                values = values[0].T[np.newaxis]
            compare.column(f"{name}: {unit.name}: {column}", own.data[column], values, TOLERANCE)


def same_card(ours, theirs):
    if isinstance(theirs, float) and isinstance(ours, (int, float)):
        return abs(ours - theirs) <= 1e-14 * abs(theirs)
    return ours == theirs


def read_with_gammapy(compare, name, file):
    """Every table is read by gammapy's class, without a warning; background holds what we wrote."""
    from gammapy.irf import EffectiveAreaTable2D, EnergyDispersion2D, PSF3D, Background2D, RadMax2D

    classes = {
        "EFFECTIVE AREA": EffectiveAreaTable2D,
        "ENERGY DISPERSION": EnergyDispersion2D,
        "PSF": PSF3D,
        "BACKGROUND": Background2D,
        "RAD_MAX": RadMax2D,
    }
    with fits.open(file) as opened:
        present = [unit.name for unit in opened if unit.name in classes]
        background = opened["BACKGROUND"].data["BKG"][0].T if "BACKGROUND" in present else None
    for table in present:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            response = classes[table].read(file, hdu=table)
        compare.truth(
            f"{name}: gammapy reads {table}", not caught, "; ".join(str(w.message) for w in caught)
        )
        if table == "BACKGROUND":
            compare.column(f"{name}: gammapy's background", response.data, background)


def interpolate_with_lstchain(compare, ours, theirs):
    """lstchain's choice of nodes and interpolation give the same of our files as of its own."""
    import logging

    from lstchain.high_level.interpolate import (
        check_in_delaunay_triangle,
        compare_irfs,
        interpolate_irf,
    )

    logging.disable(logging.CRITICAL)
    compare.truth("interpolation: lstchain takes our files for alike", compare_irfs(ours))
    # The middle of the nodes, in the plane that they are triangulated in, lies within a triangle.
    headers = [fits.getheader(file, 1) for file in ours]
    cosine = np.mean([np.cos(np.deg2rad(header["ZEN_PNT"])) for header in headers])
    sine = np.mean([np.sin(np.deg2rad(header["B_DELTA"])) for header in headers])
    target = {
        "ZEN_PNT": np.rad2deg(np.arccos(cosine)) * u.deg,
        "B_DELTA": np.rad2deg(np.arcsin(sine)) * u.deg,
        "AZ_PNT": 110.0 * u.deg,
    }
    results = []
    for files in (ours, theirs):
        chosen = check_in_delaunay_triangle(files, target)
        results.append(interpolate_irf(chosen, target) if len(chosen) > 1 else fits.open(chosen[0]))
        compare.truth(f"interpolation: {len(chosen)} nodes chosen", len(chosen) > 1)
    for unit in results[1][1:]:
        for column in unit.columns.names:
            compare.column(
                f"interpolation: {unit.name}: {column}",
                results[0][unit.name].data[column],
                unit.data[column],
                1e-9,
                1e-12,
            )


def write_cuts(file):
    """Write other cuts and bins than the defaults, as lstchain's tools and ours read them."""
    blocks = {
        "EventSelector": {
            "filters": {"intensity": [80, 1e9], "wl": [0.1, 1], "event_type": [32, 32]},
            "finite_params": ["width", "r"],
        },
        "DL3Cuts": {
            "min_event_p_en_bin": 40,
            "gh_efficiency": 0.7,
            "max_gh_cut": 0.98,
            "theta_containment": 0.8,
            "allowed_tels": [1],
        },
        "DataBinning": {
            "true_energy_n_bins": 20,
            "reco_energy_min": 0.01,
            "reco_energy_n_bins": 30,
            "fov_offset_n_edges": 6,
            "scale_true_energy": 1.15,
        },
    }
    file.write_text(json.dumps(blocks), encoding="utf-8")
    return file


def compare_kinds(compare, inputs, samples):
    """Every kind of response: of point-like and diffuse gammas, with and without background."""
    work = inputs.work
    config = write_cuts(work / "cuts.json")
    hadrons = {kind: samples[kind] for kind in ("proton", "electron")}
    point, gamma, source = (samples[kind] for kind in ("point", "gamma", "source"))
    alpha = ["--point-like", "--source-dep"]
    kinds = {
        "point, global": (point, {}, ["--point-like"]),
        "point, by energy": (point, {}, ["--point-like", *BY_ENERGY]),
        "point, full": (point, {}, []),
        "diffuse, global": (gamma, {}, ["--point-like"]),
        "diffuse, by energy, background": (gamma, hadrons, ["--point-like", *BY_ENERGY]),
        "diffuse, full, background": (gamma, hadrons, []),
        "diffuse, full, by energy, background": (gamma, hadrons, ["--energy-dependent-gh"]),
        "configured": (gamma, hadrons, ["--point-like", *BY_ENERGY, "--config", config]),
        "configured, full": (gamma, hadrons, ["--config", config]),
        "source-dependent": (source, {}, alpha),
        "source-dependent, by energy": (
            source,
            {},
            [*alpha, "--energy-dependent-gh", "--energy-dependent-alpha"],
        ),
    }
    for name, (simulated, further, options) in kinds.items():
        stem = name.replace(", ", "_").replace(" ", "_")
        ours, theirs = work / f"ours_{stem}.fits.gz", work / f"theirs_{stem}.fits.gz"
        extra = [word for kind, file in further.items() for word in (f"--{kind}", file)]
        run([inputs.alisio, "irf", "--gamma", simulated, *extra, "--output", ours, *options])
        extra = [word for kind, file in further.items() for word in (f"-{kind[0]}", file)]
        create_with_lstchain(["-g", simulated, *extra, *options], theirs, work)
        compare_files(compare, name, ours, theirs)
        read_with_gammapy(compare, name, ours)


def compare_set(compare, inputs, nodes):
    """One file a pointing, between which lstchain interpolates as between its own."""
    folder = inputs.work / "set"
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--point-like", *BY_ENERGY]
    run([inputs.alisio, "irf", "--gamma", *nodes.values(), "--output-dir", folder, *options])
    names = [f"irf_node_theta_{zenith:.3f}_az_{azimuth:.3f}.fits.gz" for zenith, azimuth in nodes]
    made = sorted(path.name for path in folder.glob("*irf*.fits.gz"))
    compare.truth("set: one file a pointing", made == sorted(names), " ".join(made))
    ours, theirs = [], []
    for name, simulated in zip(names, nodes.values(), strict=True):
        ours.append(folder / name)
        theirs.append(inputs.work / f"theirs_{name}")
        create_with_lstchain(["-g", simulated, *options], theirs[-1], inputs.work)
    compare_files(compare, "set", ours[-1], theirs[-1])
    interpolate_with_lstchain(compare, ours, theirs)


def main():
    inputs = arguments(__doc__)
    compare = Comparison("irf")
    compare.width = 62
    files = {
        kind: simulate(inputs.shared, inputs.work, kind, seed)
        for seed, kind in enumerate(EVENTS, start=11)
    }
    nodes = {
        kind: split_by_pointing(files[kind], inputs.work, kind)
        for kind in ("gamma", "proton", "electron")
    }
    samples = {kind: of_pointing[NODE] for kind, of_pointing in nodes.items()}
    samples["point"] = files["point"]
    samples["source"] = add_source_position(files["point"], inputs.work / "dl2_source.h5")
    compare_kinds(compare, inputs, samples)
    compare_set(compare, inputs, nodes["gamma"])
    return compare.finish()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
