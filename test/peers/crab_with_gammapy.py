"""Observe a Crab of known spectrum and let gammapy find it: one command from events to a fit.

    python test/peers/crab_with_gammapy.py --alisio build/release/alisio --work crab

The script draws gammas from a log-parabola through a response of its own, adds background, and
writes them as DL2 of four runs that point 0.4 deg beside the source. `alisio dl2-to-dl3` and
`alisio dl3-index` make DL3 of them. gammapy opens it with every warning an error, takes the
background from reflected regions, fits the spectrum and makes a light curve. Index, curvature,
normalisation and position must be those of the drawing within three standard errors, and every
point of the light curve the true flux.

Needs gammapy (1.3 and later) and h5py. Exits 1 if something is not found.
"""

import argparse
import logging
import subprocess
import sys
import warnings
from pathlib import Path

import astropy.units as u
import gammapy
import h5py
import numpy as np
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers
from gammapy.data import DataStore
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import LightCurveEstimator
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import LogParabolaSpectralModel, SkyModel
from regions import CircleSkyRegion
from scipy.special import ndtr

iers.conf.auto_download = False

SITE = EarthLocation.from_geodetic(-17.89149701 * u.deg, 28.76152611 * u.deg, 2199.885 * u.m)
CRAB = SkyCoord(83.6331 * u.deg, 22.0145 * u.deg)
WOBBLE = 0.4 * u.deg
START = Time("2022-12-15T23:30:00", scale="utc").unix
AMPLITUDE, ALPHA, BETA = 3.23e-11, 2.47, 0.104  # 1 / (cm2 s TeV) at 1 TeV
SPREAD, RESOLUTION, RAD_MAX = 0.05, 0.12, 0.2  # deg, of ln(energy), deg
TRIGGERS, DEAD = 1500.0, 7e-6  # Hz, s
BACKGROUND = 2.0  # Hz
PATH = "dl2/event/telescope/parameters/LST_LSTCam"


def flux(energy):
    """Return the differential flux at TeV, 1 / (cm2 s TeV)."""
    return AMPLITUDE * energy ** (-ALPHA - BETA * np.log(energy))


def area(energy):
    """Return the effective area at TeV, cm2."""
    return 6e9 * np.sqrt(energy) / (1 + (0.1 / energy) ** 2)


def write_response(file):
    """Write the response as one point-like pointing of lstchain's layout."""
    edges = np.geomspace(0.01, 100, 81)
    centre = np.sqrt(edges[:-1] * edges[1:])
    migration = np.geomspace(0.4, 2.5, 121)
    offset = np.array([[0.2]]), np.array([[0.6]])
    inside = 1 - np.exp(-0.5 * (RAD_MAX / SPREAD) ** 2)
    share = np.diff(ndtr(np.log(migration) / RESOLUTION))
    density = share / np.diff(migration) / share.sum()
    common = {"HDUCLASS": "GADF", "HDUDOC": "", "HDUVERS": "0.3", "HDUCLAS1": "RESPONSE",
              "HDUCLAS3": "POINT-LIKE", "TELESCOP": "CTA-N", "INSTRUME": "LST-1",
              "FOVALIGN": "RADEC", "ZEN_PNT": 20.0, "AZ_PNT": 120.0, "B_DELTA": 50.0,
              "GH_CUT": 0.7, "RAD_MAX": (RAD_MAX, "deg")}
    energy = [fits.Column("ENERG_LO", "80D", "TeV", array=edges[None, :-1]),
              fits.Column("ENERG_HI", "80D", "TeV", array=edges[None, 1:])]
    theta = [fits.Column("THETA_LO", "1D", "deg", array=offset[0], dim="(1)"),
             fits.Column("THETA_HI", "1D", "deg", array=offset[1], dim="(1)")]
    values = (area(centre) * inside * 1e-4)[None, None, :]
    effective = fits.BinTableHDU.from_columns(
        [*energy, *theta, fits.Column("EFFAREA", "80D", "m2", array=values, dim="(80,1)")],
        name="EFFECTIVE AREA")
    axis = [fits.Column("MIGRA_LO", "120D", array=migration[None, :-1]),
            fits.Column("MIGRA_HI", "120D", array=migration[None, 1:])]
    matrix = np.broadcast_to(density[None, None, :, None], (1, 1, 120, 80))
    dispersion = fits.BinTableHDU.from_columns(
        [*energy, *axis, *theta,
         fits.Column("MATRIX", "9600D", array=matrix, dim="(80,120,1)")],
        name="ENERGY DISPERSION")
    for hdu, kind, shape in ((effective, "EFF_AREA", "AEFF_2D"), (dispersion, "EDISP", "EDISP_2D")):
        hdu.header.update(common | {"HDUCLAS2": kind, "HDUCLAS4": shape})
    fits.HDUList([fits.PrimaryHDU(), effective, dispersion]).writeto(file, overwrite=True)


def gammas(rng, seconds):
    """Return reconstructed energies of gammas of the source in an open time."""
    grid = np.geomspace(0.015, 60, 4001)
    rate = flux(grid) * area(grid) * grid
    sums = np.concatenate([[0], np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(np.log(grid)))])
    n = rng.poisson(sums[-1] * seconds)
    true = np.interp(rng.random(n) * sums[-1], sums, grid)
    return true * np.exp(rng.normal(0, RESOLUTION, n))


def background(rng, seconds):
    n = rng.poisson(BACKGROUND * seconds)
    return 0.03 * rng.random(n) ** (-1 / 1.7)


def around(rng, centre, n, spread):
    """Return directions spread like a Gaussian around a centre."""
    distance = spread * np.sqrt(-2 * np.log(rng.random(n)))
    return centre.directional_offset_by(rng.uniform(0, 360, n) * u.deg, distance * u.deg)


def write_run(file, number, position_angle, seconds, rng):
    """Write DL2 of one run."""
    step = DEAD + rng.exponential(1 / TRIGGERS, int(1.2 * seconds * TRIGGERS))
    since = np.cumsum(step)
    step, since = step[since < seconds], since[since < seconds]
    open_time = seconds / (1 + TRIGGERS * DEAD)
    pointing = CRAB.directional_offset_by(position_angle, WOBBLE)
    on, off = gammas(rng, open_time), background(rng, open_time)
    energy = np.concatenate([on, off])
    sky = SkyCoord([*around(rng, CRAB, on.size, SPREAD), *around(rng, pointing, off.size, 1.0)])

    start = START + (number - 5000) * (seconds + 60)
    time = start + since
    step[0] = 0
    grid = np.arange(start - 5, start + seconds + 10, 5.0)
    of_grid = pointing.transform_to(AltAz(obstime=Time(grid, format="unix"), location=SITE))
    table = {name: np.full(time.size, value) for name, value in
             {"intensity": 200.0, "r": 0.5, "wl": 0.5, "length": 0.3, "width": 0.1,
              "leakage_intensity_width_2": 0.0, "reco_energy": 0.05, "gammaness": 0.1}.items()}
    table |= {"dragon_time": time, "delta_t": step, "event_id": np.arange(time.size) + 1,
              "event_type": np.full(time.size, 32),
              "alt_tel": np.interp(time, grid, of_grid.alt.rad),
              "az_tel": np.interp(time, grid, of_grid.az.rad)}
    table["reco_alt"], table["reco_az"] = table["alt_tel"].copy(), table["az_tel"].copy()
    rows = rng.choice(time.size, energy.size, replace=False)
    places = sky.transform_to(AltAz(obstime=Time(time[rows], format="unix"), location=SITE))
    table["reco_alt"][rows], table["reco_az"][rows] = places.alt.rad, places.az.rad
    table["reco_energy"][rows], table["gammaness"][rows] = energy, 0.9
    records = np.rec.fromarrays(list(table.values()), names=list(table))
    with h5py.File(file, "w") as out:
        out.create_dataset(PATH, data=records, chunks=(8192,), compression="gzip",
                           compression_opts=1)


def make_dl3(options):
    """Return the folder of DL3, made from the start."""
    rng = np.random.default_rng(options.seed)
    irf, dl3 = options.work / "irf_crab.fits", options.work / "DL3"
    write_response(irf)
    for k in range(options.runs):
        dl2 = options.work / f"dl2_LST-1.Run{5000 + k:05d}.h5"
        write_run(dl2, 5000 + k, 90 * k * u.deg, options.seconds, rng)
        subprocess.run([options.alisio, "dl2-to-dl3", "--input", dl2, "--irf", irf,
                        "--output-dir", dl3, "--source-name", "Crab Nebula", "--iers",
                        iers.IERS_B_FILE], check=True)
    subprocess.run([options.alisio, "dl3-index", "--input-dir", dl3], check=True)
    return dl3


def datasets_of(folder):
    """Return one spectrum with its background an observation."""
    store = DataStore.from_dir(folder)
    observations = store.get_observations(required_irf="point-like")
    reco = MapAxis.from_energy_bounds(0.1, 20, nbin=6, per_decade=True, unit="TeV")
    true = MapAxis.from_energy_bounds(0.02, 50, nbin=20, per_decade=True, unit="TeV",
                                      name="energy_true")
    geom = RegionGeom.create(region=CircleSkyRegion(CRAB, RAD_MAX * u.deg), axes=[reco])
    empty = SpectrumDataset.create(geom=geom, energy_axis_true=true)
    maker = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"])
    off, safe = ReflectedRegionsBackgroundMaker(), SafeMaskMaker(methods=["aeff-max"],
                                                                 aeff_percent=1)
    made = Datasets()
    for observation in observations:
        dataset = maker.run(empty.copy(name=str(observation.obs_id)), observation)
        made.append(safe.run(off.run(dataset, observation), observation))
    return observations, made


class Complaints(logging.Handler):
    """Collects what gammapy warns of in its log."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


class Checks:
    faults = 0

    def within(self, label, found, error, truth):
        pull = (found - truth) / error
        self.truth(label, abs(pull) < 3, f"{found:.4g} +- {error:.2g}, true {truth:.4g}, "
                                         f"{pull:+.2f} standard errors")

    def truth(self, label, holds, text=""):
        self.faults += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {label:24} {text}")


def check_spectrum(check, made):
    spectrum = LogParabolaSpectralModel(amplitude=2e-11 * u.Unit("cm-2 s-1 TeV-1"), alpha=2.2,
                                        beta=0.05, reference=1 * u.TeV)
    made.models = [SkyModel(spectral_model=spectrum, name="crab")]
    result = Fit().run(made)
    check.truth("fit", bool(result.success))
    for name, truth in (("amplitude", AMPLITUDE), ("alpha", ALPHA), ("beta", BETA)):
        parameter = getattr(spectrum, name)
        check.within(name, parameter.value, parameter.error, truth)


def check_light_curve(check, made):
    curve = LightCurveEstimator(energy_edges=[0.2, 10] * u.TeV, source="crab").run(made)
    low, high = curve.geom.axes["energy"].edges.to_value("TeV")  # of whole bins
    grid = np.geomspace(low, high, 4001)
    values = flux(grid)
    truth = float(np.sum((values[1:] + values[:-1]) / 2 * np.diff(grid)))
    found = curve.flux.quantity.to_value("cm-2 s-1").ravel()
    error = curve.flux_err.quantity.to_value("cm-2 s-1").ravel()
    check.truth("light curve", found.size == len(made), f"{found.size} points")
    for i in range(found.size):
        check.within(f"flux, run {i}", found[i], error[i], truth)


def check_position(check, observations):
    """The mean of the events around the source, where the background is nearly flat."""
    north, east = [], []
    for observation in observations:
        radec = observation.events.radec
        near = radec[radec.separation(CRAB).deg < 4 * SPREAD]
        lon, lat = CRAB.spherical_offsets_to(near)
        east.append(lon.arcsec)
        north.append(lat.arcsec)
    for name, offsets in (("east", np.concatenate(east)), ("north", np.concatenate(north))):
        check.within(f"position, {name} (arcsec)", offsets.mean(),
                     offsets.std() / np.sqrt(offsets.size), 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--alisio", type=Path, required=True, help="the program")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is made")
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=300, help="length of a run")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    print(f"gammapy {gammapy.__version__}")
    folder = make_dl3(options)
    check, complaints = Checks(), Complaints()
    logging.getLogger().addHandler(complaints)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observations, made = datasets_of(folder)
    check.truth("no complaints of files", not complaints.lines, "; ".join(complaints.lines))
    open_time = sum(o.observation_live_time_duration.to_value("s") for o in observations)
    expected = options.runs * options.seconds / (1 + TRIGGERS * DEAD)
    check.truth("open time", abs(open_time / expected - 1) < 1e-3,
                f"{open_time:.2f} s, drawn {expected:.2f} s")
    check_spectrum(check, made)
    check_light_curve(check, made)
    check_position(check, observations)
    sys.exit(1 if check.faults else 0)


if __name__ == "__main__":
    main()
