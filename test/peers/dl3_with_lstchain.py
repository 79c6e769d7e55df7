"""Compare dl2-to-dl3 and dl3-index with lstchain's: selected events, coordinates, cards, responses.

Responses are made by lstchain from synthetic gammas at three pointings around the data's: one of
them alone, the nearest of three, and between three; with global and with energy-dependent cuts,
point-like and with full enclosure. Both programs take the Earth's orientation from the table of the
IERS that astropy has.

lstchain's own angle to the magnetic field depends on the day of its execution. It is given the time
of the observation here, so that both interpolate to the same place.

Where ours differs on purpose, the check says so:
- times (TSTART, TSTOP, GTI, ONTIME, TELAPSE, POINTING) are those with data before cuts;
- where no node has effective area, the interpolated one is 0, not 1 m2;
- the background is interpolated too, which lstchain leaves out;
- of two responses alike in zenith and angle to the field, ours is that of the nearer azimuth:
  lstchain compares the sines of the angles in place of the azimuths. The three here are not alike.
"""

import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
from compare import Comparison, arguments, peer, run

POINTINGS = {"a": (20.0, 180.0), "b": (40.0, 90.0), "c": (25.0, 60.0)}  # zenith, azimuth, deg
DATA = "data/reference/dl2_10k/small_interp/dl2_LST-1.Run02009.0000.h5"
SOURCE = ("Somewhere", 190.7, 15.9)
ARCSECOND = 1 / 3600
EARTH = "import astropy_iers_data as a; print(a.IERS_B_FILE)"
RESPONSES = {
    "global": ["--point-like"],
    "energy-dependent": ["--point-like", "--energy-dependent-gh", "--energy-dependent-theta"],
    "full": ["--energy-dependent-gh"],
}
# Where the two files may differ.
TIMES = {"TSTART", "TSTOP", "ONTIME", "TELAPSE", "DEADC",
         "TIME-OBS", "TIME-END", "DATE-OBS", "DATE-END"}
OF_THE_FILE = {"CREATOR", "CREATED", "CHECKSUM", "DATASUM", "PCOUNT", "GCOUNT", "DATE"}


def gammas(inputs, name):
    """Return DL2 of gammas at a pointing, made once."""
    folder = inputs.work / f"gammas_{name}"
    dl2 = folder / "dl2_point.h5"
    if dl2.exists():
        return dl2
    folder.mkdir(parents=True, exist_ok=True)
    text = (inputs.shared / "tools/synthetic_dl1_parameters.py").read_text()
    zenith, azimuth = POINTINGS[name]
    text = text.replace("NODES[2][0]", str(zenith)).replace("NODES[2][1]", str(azimuth))
    script = folder / "make.py"
    script.write_text(text)
    seed = str(sorted(POINTINGS).index(name) + 40)
    run([sys.executable, script, "point", "20000", folder / "dl1_point.h5", "--seed", seed])
    models = inputs.shared / "data/models/small"
    run([peer("lstchain_dl1_to_dl2"), "-f", folder / "dl1_point.h5", "-p", models, "-o", folder],
        cwd=folder)
    return dl2


def response_folder(inputs, kind):
    """Return a folder with lstchain's responses at all pointings, made once."""
    folder = inputs.work / f"irf_{kind}"
    folder.mkdir(exist_ok=True)
    for name in POINTINGS:
        target = folder / f"irf_{name}.fits.gz"
        if not target.exists():
            run([peer("lstchain_create_irf_files"), "-g", gammas(inputs, name), "-o", target,
                 *RESPONSES[kind]], cwd=folder)
    return folder


def lstchain_with_time_of_data(time, words):
    """Run lstchain's tool in this process, with the field's direction at a UTC unix time."""
    import lstchain.reco.utils as utils
    from astropy.time import Time
    from astropy.utils import iers

    iers.conf.auto_download = False  # then it takes the table that it brings along
    of_now = utils.get_geomagnetic_field_orientation
    utils.get_geomagnetic_field_orientation = lambda _=None: of_now(Time(time, format="unix"))
    sys.argv = ["lstchain_create_dl3_file", *map(str, words)]
    runpy.run_module("lstchain.tools.lstchain_create_dl3_file", run_name="__main__")


def make_both(inputs, label, responses, only=None, nearest=False):
    """Return our file and the peer's of the same call."""
    import pandas as pd

    ours, theirs = inputs.work / f"ours_{label}", inputs.work / f"theirs_{label}"
    data = inputs.shared / DATA
    name, ra, dec = SOURCE
    where = ["--source-name", name, "--source-ra", f"{ra}deg", "--source-dec", f"{dec}deg"]
    earth = run([sys.executable, "-c", EARTH]).out.strip()
    files = [responses / only] if only else [responses]
    done = run([inputs.alisio, "dl2-to-dl3", "--input", data, "--irf", *files, "--output-dir", ours,
                "--iers", earth, *where, *(["--nearest-irf"] if nearest else [])])
    theirs.mkdir(exist_ok=True)
    times = pd.read_hdf(data, "dl2/event/telescope/parameters/LST_LSTCam").dragon_time
    words = ["-d", data, "-o", theirs, "-i", responses, "-p", only or "irf*.fits.gz", *where,
             "--overwrite", *(["--use-nearest-irf-node"] if nearest else [])]
    watched = run([sys.executable, Path(__file__).resolve(), "--as-lstchain", times.min(), *words],
                  cwd=theirs)
    print(f"     {label}: ours {done.seconds:.2f} s, lstchain {watched.seconds:.2f} s")
    return [folder / "dl3_LST-1.Run02009.0000.fits" if folder == theirs
            else folder / "dl3_LST-1.Run02009.fits" for folder in (ours, theirs)]


def compare_events(compare, label, ours, theirs):
    compare.column(f"{label}: EVENT_ID", ours["EVENT_ID"], theirs["EVENT_ID"])
    for name in ("ENERGY", "GAMMANESS", "MULTIP"):
        compare.column(f"{label}: {name}", ours[name], theirs[name])
    for name in ("ALT", "AZ"):
        compare.column(f"{label}: {name}", ours[name], theirs[name], absolute=1e-10)
    compare.column(f"{label}: TIME", ours["TIME"], theirs["TIME"], absolute=1e-6)
    for longitude, latitude in (("RA", "DEC"), ("GLON", "GLAT")):
        cosine = np.cos(np.radians(theirs[latitude]))
        off = (ours[longitude] - theirs[longitude] + 180) % 360 - 180
        compare.column(f"{label}: {longitude}", off * cosine, 0 * off, absolute=0.1 * ARCSECOND)
        compare.column(f"{label}: {latitude}", ours[latitude], theirs[latitude],
                       absolute=0.1 * ARCSECOND)


def compare_cards(compare, label, ours, theirs, left_out):
    structural = ("XTENSION", "BITPIX", "NAXIS", "TFIELDS", "TTYPE", "TFORM", "TUNIT", "TDIM",
                  "EXTNAME", "")
    for key, value in theirs.items():
        if key in left_out or key.startswith(structural[:-1]) or not key:
            continue
        mine = ours.get(key)
        same = mine == value
        if isinstance(value, float) and isinstance(mine, (int, float)):
            same = abs(mine - value) <= max(1e-9 * abs(value), 1e-9)
        if key in ("RA_PNT", "DEC_PNT"):
            same = abs(mine - value) < 0.1 * ARCSECOND
        if key == "ALTITUDE":
            same = abs(mine - value) < 0.011  # lstchain rounds half to even
        if not same:
            compare.fault(f"{label}: card {key}", f"{mine!r}, the peer's is {value!r}")
    compare.truth(f"{label}: cards", True, f"{len(theirs)} looked at")


def compare_times(compare, label, ours, theirs, showers):
    """Ours are the times of the data; the peer's those of what was selected."""
    from lstchain.reco.utils import get_effective_time

    effective, elapsed = get_effective_time(showers)
    events = ours["EVENTS"].header
    compare.column(f"{label}: LIVETIME", events["LIVETIME"], effective.value, relative=1e-9)
    compare.column(f"{label}: ONTIME", events["ONTIME"], elapsed.value, relative=1e-9)
    compare.column(f"{label}: the peer's LIVETIME", events["LIVETIME"],
                   theirs["EVENTS"].header["LIVETIME"], relative=1e-9)
    data = ours["GTI"].data
    compare.column(f"{label}: sum of GTI", np.sum(data["STOP"] - data["START"]), events["ONTIME"],
                   absolute=1e-6)
    holds = events["TELAPSE"] >= events["ONTIME"] >= events["LIVETIME"] > 0
    compare.truth(f"{label}: TELAPSE >= ONTIME >= LIVETIME", holds)
    peers = theirs["GTI"].data
    inside = data["START"][0] <= peers["START"][0] and data["STOP"][-1] >= peers["STOP"][-1]
    compare.truth(f"{label}: times before cuts hold those after", inside)


def compare_responses(compare, label, ours, theirs):
    column = {"EFFECTIVE AREA": "EFFAREA", "ENERGY DISPERSION": "MATRIX", "PSF": "RPSF",
              "GH_CUTS": "cut", "RAD_MAX": "RAD_MAX"}
    for hdu in theirs[4:]:
        for name in hdu.columns.names:
            mine, other = ours[hdu.name].data[name], hdu.data[name]
            if name == "EFFAREA":
                mine = np.where((other == 1) & (mine == 0), 1, mine)
            largest = float(np.nanmax(np.abs(other))) if name == column.get(hdu.name) else 1
            compare.column(f"{label}: {hdu.name} {name}", mine, other, relative=1e-6,
                           absolute=1e-9 * largest)
        compare_cards(compare, f"{label}: {hdu.name}", ours[hdu.name].header, hdu.header,
                      OF_THE_FILE)


def compare_index(compare, inputs, ours):
    """Index the same file by both, in a folder of its own for each."""
    from astropy.table import Table

    made = {}
    for who in ("ours", "theirs"):
        folder = inputs.work / f"index_{who}"
        folder.mkdir(exist_ok=True)
        target = folder / "dl3_LST-1.Run02009.fits"
        target.write_bytes(ours.read_bytes())
        if who == "ours":
            run([inputs.alisio, "dl3-index", "--input-dir", folder])
        else:
            run([peer("lstchain_create_dl3_index_files"), "-d", folder, "--overwrite"],
                cwd=folder)
        made[who] = [Table.read(folder / f"{kind}-index.fits.gz") for kind in ("hdu", "obs")]
    for kind, mine, other in zip(("hdu", "obs"), made["ours"], made["theirs"]):
        for name in other.colnames:
            compare.column(f"{kind}-index: {name}", mine[name], other[name])


def main():
    from astropy.io import fits
    from lstchain.io.io import read_data_dl2_to_QTable

    inputs = arguments(__doc__)
    compare = Comparison("dl3")
    showers, _ = read_data_dl2_to_QTable(inputs.shared / DATA)
    cases = [(kind, kind, None, False) for kind in RESPONSES]
    cases += [("one response", "energy-dependent", "irf_a.fits.gz", False),
              ("nearest response", "global", None, True)]
    for label, kind, only, nearest in cases:
        paths = make_both(inputs, label.replace(" ", "_"), response_folder(inputs, kind), only,
                          nearest)
        with fits.open(paths[0], checksum=True) as ours, fits.open(paths[1]) as theirs:
            compare_events(compare, label, ours["EVENTS"].data, theirs["EVENTS"].data)
            compare_cards(compare, f"{label}: EVENTS", ours["EVENTS"].header,
                          theirs["EVENTS"].header, TIMES | OF_THE_FILE)
            compare_cards(compare, f"{label}: POINTING", ours["POINTING"].header,
                          theirs["POINTING"].header, OF_THE_FILE)
            compare_times(compare, label, ours, theirs, showers)
            compare_responses(compare, label, ours, theirs)
    compare_index(compare, inputs, paths[0])
    sys.exit(compare.finish())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "--as-lstchain" in sys.argv:
        at = sys.argv.index("--as-lstchain")
        lstchain_with_time_of_data(float(sys.argv[at + 1]), sys.argv[at + 2:])
    else:
        main()
