"""Compare dl2-to-dl3 of source-dependent DL2 with lstchain's: events after both cuts, and their places.

DL2 and responses are lstchain's, with one cut in alpha and with cuts that depend on energy. Both
programs take the same IERS table, and lstchain the field's direction of the observation's day.

Where ours differs on purpose:
- lstchain turns the assumed position into a direction with the nominal focal length, 28 m, although
  it was computed with the effective one; it is given the effective one here, and a check shows that
  ours stands at the source's coordinates.
"""

import inspect
import sys
import warnings
from pathlib import Path

import numpy as np
from compare import Comparison, arguments, peer, run
from dl3_with_lstchain import EARTH, compare_cards, compare_events, lstchain_with_time_of_data
from source_dependent_with_lstchain import SOURCE, START, configuration, make_inputs

EFFECTIVE_FOCAL_LENGTH = 29.30565
RESPONSES = {"global": [], "energy-dependent": ["--energy-dependent-gh", "--energy-dependent-alpha"]}
TIMES = {"TSTART", "TSTOP", "ONTIME", "TELAPSE", "DEADC", "TIME-OBS", "TIME-END", "DATE-OBS",
         "DATE-END", "CREATOR", "CREATED", "CHECKSUM", "DATASUM", "PCOUNT", "GCOUNT", "DATE"}
LOOSE = '{"DL3Cuts": {"min_event_p_en_bin": 5, "global_gh_cut": 0.3, "global_alpha_cut": 40,' \
        ' "max_gh_cut": 0.3, "max_alpha_cut": 40}}'


def with_effective_focal_length():
    """Let lstchain place events with the focal length that their positions were computed with."""
    import lstchain.high_level.hdu_table as module

    text = inspect.getsource(module.fill_reco_altaz_w_expected_pos)
    assert "focal = 28 * u.m" in text
    exec(text.replace("focal = 28 * u.m", f"focal = {EFFECTIVE_FOCAL_LENGTH} * u.m"),
         module.__dict__)
    import lstchain.high_level

    lstchain.high_level.fill_reco_altaz_w_expected_pos = module.fill_reco_altaz_w_expected_pos


def dl2_of(inputs, data, models, file, mode, n_off):
    folder = inputs.work / f"dl2_{file.stem}_{mode}_{n_off}"
    if not folder.exists():
        run([peer("lstchain_dl1_to_dl2"), "-f", file, "-p", models, "-o", folder, "-c",
             configuration(data.parent, mode, n_off)])
    return folder / file.name.replace("dl1", "dl2")


def response_of(inputs, data, models, kind):
    target = inputs.work / f"irf_{kind}.fits.gz"
    if not target.exists():
        gammas = dl2_of(inputs, data, models, data.parent / "dl1_gamma.h5", "on", 0)
        cuts = inputs.work / "cuts.json"
        cuts.write_text(LOOSE, "utf-8")
        run([peer("lstchain_create_irf_files"), "-g", gammas, "-o", target, "--point-like",
             "--source-dep", "--config", cuts, *RESPONSES[kind]], cwd=inputs.work)
    return target


def make_both(inputs, dl2, response, label, flags):
    ours, theirs = (inputs.work / f"{who}_{label}" for who in ("ours", "theirs"))
    theirs.mkdir(exist_ok=True)
    earth = run([sys.executable, "-c", EARTH]).out.strip()
    where = ["--source-name", "Crab", "--source-ra", f"{SOURCE[0]}deg", "--source-dec",
             f"{SOURCE[1]}deg", *flags]
    run([inputs.alisio, "dl2-to-dl3", "--input", dl2, "--irf", response, "--output-dir", ours,
         "--iers", earth, *where])
    run([sys.executable, Path(__file__).resolve(), "--as-lstchain", START, "-d", dl2, "-o", theirs,
         "-i", response.parent, "-p", response.name, "--overwrite", "--source-dep", *where],
        cwd=theirs)
    return ours / "dl3_LST-1.Run11220.fits", theirs / "dl3_LST-1.Run11220.0000.fits"


def main():
    from astropy.coordinates import SkyCoord
    from astropy.io import fits

    inputs = arguments(__doc__)
    inputs.alisio_scripts = Path(__file__).parents[2] / "scripts"
    compare = Comparison("source_dependent_dl3")
    compare.width = 60
    data, models = make_inputs(inputs)
    gammas = data.parent / "dl1_gamma.h5"
    if not gammas.exists():
        gammas.symlink_to(data.parent / "gamma.h5")
    for kind in RESPONSES:
        response = response_of(inputs, data, models, kind)
        for n_off, flags in ((1, []), (3, []), (1, ["--keep-duplicated-events"])):
            dl2 = dl2_of(inputs, data, models, data, "wobble", n_off)
            label = f"{kind}_{n_off}{'_kept' if flags else ''}"
            with fits.open(make_both(inputs, dl2, response, label, flags)[0], checksum=True) as ours, \
                    fits.open(inputs.work / f"theirs_{label}/dl3_LST-1.Run11220.0000.fits") as theirs:
                events, others = ours["EVENTS"].data, theirs["EVENTS"].data
                compare.truth(f"{label}: there are events", len(others) >= 5, str(len(others)))
                order = [np.lexsort((np.round(table["ALT"], 6), table["EVENT_ID"]))
                         for table in (events, others)]
                compare_events(compare, label, events[order[0]], others[order[1]])
                compare_cards(compare, f"{label}: EVENTS", ours["EVENTS"].header,
                              theirs["EVENTS"].header, TIMES)
                source = SkyCoord(*SOURCE, unit="deg")
                apart = SkyCoord(events["RA"], events["DEC"], unit="deg").separation(source).arcsec
                on = apart < 60
                compare.truth(f"{label}: events on stand at the source", 0 < np.sum(on) < len(on)
                              and np.max(apart[on]) < 1, f"{np.sum(on)} of {len(on)}, within "
                              f"{np.max(apart[on], initial=0):.3f} arcsec")
    sys.exit(compare.finish())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "--as-lstchain" in sys.argv:
        at = sys.argv.index("--as-lstchain")
        with_effective_focal_length()
        lstchain_with_time_of_data(float(sys.argv[at + 1]), sys.argv[at + 2:])
    else:
        main()
