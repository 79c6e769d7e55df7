"""Make the files in test/data/lstchain: what lstchain makes of a small simulated night.

    make_reference_data.py --alisio PROGRAM --shared SHARED --work FOLDER --output test/data/lstchain

They are for tests that must not depend on an installed lstchain, nor on sample data:

- dl1_LST-1.Run11220.0000.h5: DL1 of the night that `alisio simulate` writes with NIGHT, which the
  tests simulate too,
- dl2_LST-1.Run11220.0000.h5: DL2 of it,
- tiny.forest: the forests of that DL2, converted. They were trained on random targets, which is all
  that a comparison needs.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import tables
from compare import arguments, peer, run
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

NIGHT = ["--runs", 1, "--subruns", 1, "--events", 30, "--calibration-events", 20, "--seed", 5]
DATE = "20240115"
NAME = "LST-1.Run11220.0000.h5"
ROOT = Path(__file__).resolve().parents[2]
FORESTS = {
    "reg_energy": ("energy_regression_features", RandomForestRegressor),
    "reg_disp_norm": ("disp_regression_features", RandomForestRegressor),
    "cls_disp_sign": ("disp_classification_features", RandomForestClassifier),
    "cls_gh": ("particle_classification_features", RandomForestClassifier),
}
TRAINING_DIRECTIONS = """# %ECSV 1.0
# ---
# datatype:
# - {name: zd, unit: deg, datatype: float64}
# - {name: az, unit: deg, datatype: float64}
# schema: astropy-2.0
zd az
10.0 102.2
23.6 100.8
32.1 102.2
"""


def make_dl1(alisio, night, folder):
    """Simulate the night and run lstchain on its data run; return the DL1 file."""
    run([alisio, "simulate", "--output", night, "--date", DATE, *NIGHT])

    def one(pattern):
        (found,) = night.rglob(pattern)
        return found

    run(
        [peer("lstchain_data_r0_to_dl1"), "--input-file", one("LST-1.1.Run11220.0000.fits.fz")]
        + ["--output-dir", folder, "--pedestal-file", one("drs4_pedestal*.h5")]
        + ["--calibration-file", one("calibration_filters*.h5")]
        + ["--time-calibration-file", one("time_calibration*.h5")]
        + ["--run-summary", one("RunSummary*.ecsv"), "--pointing-file", one("DrivePosition_log*")]
    )
    return folder / f"dl1_{NAME}"


def train(features, folder):
    """Write small forests of lstchain's standard features, of values such as showers have."""
    random = np.random.default_rng(1)
    usual = {
        "log_intensity": (2.5, 0.5), "width": (0.05, 0.03), "length": (0.12, 0.06),
        "x": (0, 0.5), "y": (0, 0.5), "wl": (0.5, 0.2), "skewness": (0, 0.5),
        "signed_skewness": (0, 0.5), "kurtosis": (2.5, 0.7), "time_gradient": (0, 8),
        "signed_time_gradient": (0, 8), "leakage_intensity_width_2": (0.1, 0.2),
        "sin_az_tel": (0.98, 0.02), "alt_tel": (1.1, 0.1), "log_reco_energy": (0, 0.5),
        "reco_disp_norm": (0.5, 0.3), "reco_disp_sign": (0, 1),
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    for name, (key, kind) in FORESTS.items():
        columns = [random.normal(*usual[feature], 3000) for feature in features[key]]
        rows = np.stack(columns, axis=1).astype(np.float32)
        noise = random.normal(0, 0.3, len(rows))
        target = 0.3 * rows[:, 0] + rows[:, 1] + noise
        if kind is RandomForestClassifier:
            values = (0, 101) if name == "cls_gh" else (-1, 1)
            target = np.where(target > np.median(target), *values)
        forest = kind(n_estimators=8, max_depth=7, random_state=2)
        # lstchain hands over tables with named columns.
        forest.fit(rows, target)
        forest.feature_names_in_ = np.array(features[key], dtype=object)
        joblib.dump(forest, folder / f"{name}.sav", compress=3)
    (folder / "training_dirs.ecsv").write_text(TRAINING_DIRECTIONS, "utf-8")


def pack(source, group, target):
    """Copy one group of an HDF5 file, with all attributes, as small as it gets."""
    filters = tables.Filters(complevel=9, complib="zlib", shuffle=True)
    with tables.open_file(source) as file, tables.open_file(target, "w") as packed:
        file.copy_node(group, packed.root, recursive=True, filters=filters)


def main():
    inputs = arguments(
        __doc__, lambda parser: parser.add_argument("--output", type=Path, required=True)
    )
    output = (ROOT / inputs.output).resolve()
    output.mkdir(parents=True, exist_ok=True)
    # The peer's programs overwrite nothing.
    for made in ("dl1", "dl2"):
        shutil.rmtree(inputs.work / made, ignore_errors=True)
    dl1 = make_dl1(inputs.alisio, inputs.work / "night", inputs.work / "dl1")

    import lstchain

    standard = Path(lstchain.__file__).parent / "data/lstchain_standard_config.json"
    models = inputs.work / "models"
    train(json.loads(standard.read_text("utf-8")), models)
    dl2 = inputs.work / "dl2"
    run([peer("lstchain_dl1_to_dl2"), "-f", dl1, "-p", models, "-o", dl2, "-c", standard])

    pack(dl1, "/dl1", output / dl1.name)
    pack(dl2 / f"dl2_{NAME}", "/dl2", output / f"dl2_{NAME}")
    forests = output / "tiny.forest"
    forests.unlink(missing_ok=True)
    subprocess.run([sys.executable, ROOT / "scripts/convert-models", models, forests], check=True)


if __name__ == "__main__":
    main()
