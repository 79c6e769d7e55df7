"""Read constants in the forms of early years: the FITS flavours, under the names of 2019 and 2020.

Writes the sample constants as FITS files with astropy, as lstchain's readers take them, reads them
back with lstchain's own reader, and makes DL1 with each: it must be what the HDF5 files give.
"""

import gzip
import json
import shutil
import sys

import numpy as np
from astropy.io import fits
from astropy.table import Table
from compare import Comparison, arguments, array, first_stream, run, table

CALIBRATION_TABLES = ("calibration", "flatfield", "pedestal", "pixel_status")


def write_images(file, **images):
    hdus = [fits.PrimaryHDU()]
    hdus += [fits.ImageHDU(values, name=name) for name, values in images.items()]
    fits.HDUList(hdus).writeto(file, overwrite=True)


def write_fits(constants, folder):
    """Return {"drs4": file, ...} of FITS files with the content of the sample's HDF5 files."""
    folder.mkdir(exist_ok=True)
    files = {
        "drs4": folder / "drs4_pedestal.Run2005.0000.fits",
        "early drs4": folder / "drs4_pedestal.Run2004.0000.fits",
        "charge": folder / "calibration.Run2006.0000.fits",
        "time": folder / "time_calibration.Run2006.0000.fits",
    }
    row = table(constants["drs4"], "/r1/monitoring/drs4_baseline/tel_001")[0]
    write_images(
        files["drs4"], baseline_mean=row["baseline_mean"], spike_height=row["spike_height"]
    )
    pixels = np.arange(row["baseline_mean"].shape[1], dtype=np.uint16)
    hdus = [fits.PrimaryHDU(pixels), fits.ImageHDU(row["baseline_mean"])]
    fits.HDUList(hdus).writeto(files["early drs4"], overwrite=True)
    hdus = [fits.PrimaryHDU()]
    hdus[0].header["TEL_ID"] = 1
    for name in CALIBRATION_TABLES:
        hdus.append(fits.table_to_hdu(Table(table(constants["charge"], f"/tel_1/{name}")[:1])))
        hdus[-1].name = name
    fits.HDUList(hdus).writeto(files["charge"], overwrite=True)
    write_images(
        files["time"], fan=array(constants["time"], "/fan"), fbn=array(constants["time"], "/fbn")
    )
    return files


def lstchain_reads(compare, files, constants):
    """The FITS files are what lstchain's reader takes for such."""
    from ctapipe_io_lst.calibration import LSTR0Corrections as reader

    fan, _ = reader.load_drs4_time_calibration_file(files["time"])
    compare.column("lstchain reads fan", fan, array(constants["time"], "/fan"))
    theirs = reader._get_drs4_pedestal_data(files["drs4"], 1)
    row = table(constants["drs4"], "/r1/monitoring/drs4_baseline/tel_001")[0]
    compare.column("lstchain reads the baselines", theirs[:, :, :4096], row["baseline_mean"])


def dl1_hash(inputs, name, drs4, charge, time):
    night = inputs.shared / "data" / "night"
    out = inputs.work / name
    out.mkdir(exist_ok=True)
    report = out / "report.json"
    done = run(
        [inputs.alisio, "r0-to-dl1", "--input", first_stream(night, 11220), "--output-dir", out]
        + ["--drs4-pedestal", drs4, "--calibration", charge, "--time-calibration", time]
        + ["--run-summary", next((night / "monitoring").rglob("RunSummary_*.ecsv"))]
        + ["--max-events", 60, "--overwrite", "--report", report]
    )
    activity = json.loads(report.read_text(encoding="utf-8"))["activities"][0]
    return activity["outputs"][0]["data_hash"], done.err


def main():
    inputs = arguments(__doc__)
    compare = Comparison("old_constants")
    folder = inputs.shared / "data" / "calibration"
    constants = {
        "drs4": folder / "drs4_pedestal.Run11218.0000.h5",
        "charge": next(folder.glob("calibration_filters_52.Run11219*.h5")),
        "time": folder / "time_calibration.Run11219.0000.h5",
    }
    files = write_fits(constants, inputs.work / "fits")
    lstchain_reads(compare, files, constants)
    packed = files["charge"].with_name(files["charge"].name + ".gz")
    with files["charge"].open("rb") as plain, gzip.open(packed, "wb") as file:
        shutil.copyfileobj(plain, file)

    expected, _ = dl1_hash(inputs, "hdf5", *constants.values())
    now, _ = dl1_hash(inputs, "now", files["drs4"], files["charge"], files["time"])
    compare.truth("DL1 with FITS constants", now == expected, now)
    now, _ = dl1_hash(inputs, "packed", files["drs4"], packed, constants["time"])
    compare.truth("DL1 with a packed FITS file", now == expected, now)
    early, said = dl1_hash(inputs, "early", files["early drs4"], files["charge"], files["time"])
    compare.truth("without spike heights, DL1 is another", early != expected, early)
    compare.truth("without spike heights, a warning", "holds no heights of spikes" in said)
    return compare.finish()


if __name__ == "__main__":
    sys.exit(main())
