"""Compare alisio dl1-to-dl2 for an assumed source position with lstchain_dl1_to_dl2.

Small models are trained with lstchain's source-dependent configuration on synthetic simulations; both
programs then reconstruct a synthetic data file that follows a source, for the position on and one or
three off.
"""

import json
import shutil
import sys

import numpy as np
import tables
from compare import Comparison, arguments, peer, run, table

DL1 = "/dl1/event/telescope/parameters/LST_LSTCam"
DL2 = "/dl2/event/telescope/parameters/LST_LSTCam"
DEPENDENT = "/dl2/event/telescope/parameters_src_dependent/LST_LSTCam"
START = 1671145200.0
SOURCE = (83.6331, 22.0145)


def configuration(folder, mode, n_off):
    """Write lstchain's source-dependent configuration with few small trees."""
    from lstchain.io.config import get_srcdep_config

    config = dict(get_srcdep_config())
    for block in ("random_forest_energy_regressor_args", "random_forest_disp_regressor_args",
                  "random_forest_disp_classifier_args", "random_forest_particle_classifier_args"):
        config[block] = dict(config[block], n_estimators=6, max_depth=9, n_jobs=1)
    config.pop("source_name", None)
    config |= {"observation_mode": mode, "n_off_wobble": n_off, "source_ra": SOURCE[0],
               "source_dec": SOURCE[1]}
    config["random_forest_zd_interpolation"] = dict.fromkeys(
        ("interpolate_energy", "interpolate_gammaness", "interpolate_direction"), False)
    file = folder / f"{mode}_{n_off}.json"
    file.write_text(json.dumps(config), "utf-8")
    return file


def follow_source(file):
    """Let the data follow a place 0.4 deg from the source, at night."""
    import astropy.units as u
    from astropy.coordinates import AltAz, SkyCoord
    from astropy.time import Time
    from ctapipe_io_lst.constants import LST1_LOCATION

    with tables.open_file(str(file), "a") as opened:
        node = opened.get_node(DL1)
        rows = node.read()
        rows["dragon_time"] += START - rows["dragon_time"][0]
        frame = AltAz(location=LST1_LOCATION,
                      obstime=Time(rows["dragon_time"], format="unix", scale="utc"))
        place = SkyCoord(SOURCE[0] * u.deg, (SOURCE[1] + 0.4) * u.deg).transform_to(frame)
        rows["alt_tel"], rows["az_tel"] = place.alt.rad, place.az.rad
        rows["sin_az_tel"] = np.sin(rows["az_tel"])
        node[:] = rows
        node.flush()


def make_inputs(inputs):
    """Return the data file and the folder of models, made once."""
    folder = inputs.work / "made"
    data, models = folder / "dl1_LST-1.Run11220.0000.h5", folder / "models"
    if (folder / "done").exists():
        return data, models
    shutil.rmtree(folder, ignore_errors=True)
    models.mkdir(parents=True)
    tool = inputs.shared / "tools" / "synthetic_dl1_parameters.py"
    for kind, events in (("gamma", 6000), ("proton", 6000)):
        run([sys.executable, tool, kind, events, folder / f"{kind}.h5", "--seed", 3])
    run([sys.executable, tool, "data", 3000, data, "--seed", 4, "--obs", 11220])
    follow_source(data)
    run([peer("lstchain_mc_trainpipe"), "--fg", folder / "gamma.h5", "--fp", folder / "proton.h5",
         "-o", models, "-c", configuration(folder, "wobble", 1)])
    run([sys.executable, inputs.alisio_scripts / "convert-models", models, folder / "set.forest"])
    (folder / "done").touch()
    return data, models


def compare_tables(compare, label, ours, theirs):
    theirs_names = [name for name in theirs.dtype.names if name != "index"]
    compare.truth(f"{label}: columns", sorted(ours.dtype.names) == sorted(theirs_names),
                  str(sorted(set(ours.dtype.names) ^ set(theirs_names))))
    compare.truth(f"{label}: order of columns", list(ours.dtype.names) == theirs_names)
    compare.column(f"{label}: rows", len(ours), len(theirs))
    for name in ours.dtype.names:
        if name not in theirs_names:
            continue
        exact = ours[name].dtype.kind in "iub"
        # The source's place hangs on the table of the Earth's orientation: 0.1 arcsec are 2e-5 m.
        of_place = any(word in name for word in ("expected_src", "dist", "norm_diff"))
        absolute = 0 if exact else 5e-5 if of_place else 0.05 if "alpha" in name else 1e-9
        if "gammaness" in name or "reco_energy" in name or "reco_type" in name:
            # A feature that depends on the place may fall on the other side of a cut of a tree.
            same = np.isclose(ours[name], theirs[name], rtol=1e-9, atol=1e-9)
            compare.truth(f"{label}: {name}", np.mean(same) > 0.99,
                          f"{np.sum(~same)} of {len(same)} events differ")
            continue
        compare.column(f"{label}: {name}", ours[name], theirs[name], absolute=absolute)


def main():
    def add(parser):
        from pathlib import Path

        parser.add_argument("--alisio-scripts", type=Path, default=Path(__file__).resolve().parents[2] / "scripts")

    inputs = arguments(__doc__, add)
    from astropy.utils import iers

    iers.conf.auto_download = False
    compare = Comparison("source_dependent")
    compare.width = 60
    data, models = make_inputs(inputs)
    forest = data.parent / "set.forest"
    for mode, n_off in (("on", 0), ("wobble", 1), ("wobble", 3)):
        name = f"{mode}_{n_off}"
        theirs, ours = inputs.work / f"lstchain_{name}", inputs.work / f"alisio_{name}"
        for folder in (theirs, ours):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        run([peer("lstchain_dl1_to_dl2"), "-f", data, "-p", models, "-o", theirs, "-c",
             configuration(data.parent, mode, n_off)])
        settings = ["source_dependent=true", f"observation_mode={mode}",
                    f"n_off_wobble={max(n_off, 1)}", f"source_ra={SOURCE[0]}",
                    f"source_dec={SOURCE[1]}"]
        words = [word for setting in settings for word in ("--set", f"dl2.{setting}")]
        for key in ("energy", "gammaness", "direction"):
            words += ["--set", f"random_forest_zd_interpolation.interpolate_{key}=false"]
        run([inputs.alisio, "dl1-to-dl2", "--input", data, "--models", forest, "--output-dir", ours,
             *words])
        file = data.name.replace("dl1", "dl2")
        for label, path in (("shared", DL2), ("dependent", DEPENDENT)):
            compare_tables(compare, f"{name}, {label}", table(ours / file, path),
                           table(theirs / file, path))
    sys.exit(compare.finish())


if __name__ == "__main__":
    main()
