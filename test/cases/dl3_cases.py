"""alisio dl2-to-dl3 and dl3-index: what a night brings that is not as it should be."""

import gzip
import json
import math
import resource
import signal
import struct
import subprocess
from collections import Counter

from harness import FITS_BLOCK, Skipped, expect, expect_no_fragments

RUN = 5001
SOURCE = ("--source-name", "Somewhere", "--source-ra", "150", "--source-dec", "20deg")
FORMS = {"K": ("q", 8), "J": ("i", 4), "D": ("d", 8), "E": ("f", 4)}


def make(case, what, name, /, **settings):
    """Write an input of the case and return its path."""
    tool = case.alisio.parent / "test" / "cases" / "dl3_inputs"
    if not tool.exists():
        raise Skipped(f"{tool} is not built")
    path = case.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    words = [f"{key}={value}" for key, value in settings.items()]
    process = subprocess.run([str(tool), what, str(path), *words], capture_output=True, text=True,
                             check=False, timeout=60)
    expect(process.returncode == 0, f"dl3_inputs {what} {words}: {process.stderr}")
    return path


def dl2(case, run=RUN, subrun=None, **settings):
    part = "" if subrun is None else f".{subrun:04d}"
    return make(case, "dl2", f"DL2/dl2_LST-1.Run{run:05d}{part}.h5", **settings)


def to_dl3(case, inputs, *words, irf=None):
    """Run dl2-to-dl3 on inputs; the response is made if none is given."""
    irf = irf or make(case, "irf", "IRF/irf_30.fits")
    inputs = inputs if isinstance(inputs, list) else [inputs]
    return case.run("dl2-to-dl3", "--input", *inputs, "--irf", irf, "--output-dir",
                    case.folder / "DL3", *(words or SOURCE))


def value_of(card):
    text = card[10:].split(" / ")[0].strip()
    if text.startswith("'"):
        return text[1:text.rindex("'")].strip()
    if text in ("T", "F"):
        return text == "T"
    return float(text) if set(text) & set(".EN") else int(text)


def read_fits(path):
    """Return [(cards, columns)] of the units of a FITS file; numbers of one per row only."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    units, at = [], 0
    while at < len(content):
        cards = {}
        while True:
            card = content[at:at + 80].decode("ascii")
            at += 80
            if card[:8] == "END     ":
                break
            if card[8:10] == "= ":
                cards[card[:8].strip()] = value_of(card)
        at = -(-at // FITS_BLOCK) * FITS_BLOCK
        size = cards.get("NAXIS1", 0) * cards.get("NAXIS2", 0)
        units.append((cards, columns_of(cards, content[at:at + size])))
        at += -(-size // FITS_BLOCK) * FITS_BLOCK
    return units


def columns_of(cards, data):
    columns, offset = {}, 0
    for i in range(1, cards.get("TFIELDS", 0) + 1):
        form = cards[f"TFORM{i}"]
        repeat = int(form[:-1] or 1)
        code, size = FORMS.get(form[-1], ("s", 1))
        cells = [data[row * cards["NAXIS1"] + offset:][:repeat * size]
                 for row in range(cards["NAXIS2"])]
        if code == "s":
            columns[cards[f"TTYPE{i}"]] = [cell.rstrip(b"\0 ").decode() for cell in cells]
        elif repeat == 1:
            columns[cards[f"TTYPE{i}"]] = [struct.unpack(">" + code, cell)[0] for cell in cells]
        offset += repeat * size
    return columns


def product(case, run=RUN):
    """Return the units of the DL3 file by name."""
    units = read_fits(case.folder / "DL3" / f"dl3_LST-1.Run{run:05d}.fits")
    return {cards.get("EXTNAME", "PRIMARY"): (cards, columns) for cards, columns in units}


def expect_sound(units, events):
    """The event list has so many events, no NaN, and its times fit each other."""
    cards, columns = units["EVENTS"]
    gti = units["GTI"][1]
    expect(cards["NAXIS2"] == events, f"{cards['NAXIS2']} events, not {events}")
    for name, values in columns.items():
        expect(all(map(math.isfinite, values)), f"{name} is not finite")
    expect(columns["TIME"] == sorted(columns["TIME"]), "events are not in order of time")
    on_time = sum(stop - start for start, stop in zip(gti["START"], gti["STOP"]))
    expect(abs(on_time - cards["ONTIME"]) < 1e-6, f"GTI {on_time}, ONTIME {cards['ONTIME']}")
    expect(cards["TELAPSE"] + 1e-6 >= cards["ONTIME"] >= cards["LIVETIME"] >= 0, "times do not fit")
    expect(0 <= cards["DEADC"] <= 1, f"DEADC {cards['DEADC']}")
    for time in columns["TIME"]:
        expect(cards["TSTART"] - 1e-6 <= time <= cards["TSTOP"] + 1e-6, "an event outside")


def refuse(case, inputs, reason, *told, words=(), irf=None):
    to_dl3(case, inputs, *words, irf=irf).ends(reason).complains(*told)
    folder = case.folder / "DL3"
    if folder.exists():
        expect(not list(folder.glob("*.fits*")), "a product of a failed job")
        expect_no_fragments(folder)


def case_dl3_of_a_run(case):
    """A run, its subruns in any order, and its rows in any order are the same observation."""
    whole = dl2(case, events=1000)
    to_dl3(case, whole).ends("done")
    units = product(case)
    expect_sound(units, 1000)
    cards = units["EVENTS"][0]
    expect(cards["OBS_ID"] == RUN and cards["OBJECT"] == "Somewhere", "not the run")
    expect(cards["OBS_MODE"] == "POINTING" and cards["TELLIST"] == "LST-1", "cards")
    expect(cards["DATE-OBS"] == "2022-12-16", cards["DATE-OBS"])
    expect("EFFECTIVE AREA" in units, "no response")
    expect("CHECKSUM" in cards and "DATASUM" in cards, "not sealed")
    events = units["EVENTS"][1]
    reversed_rows = dl2(case, run=5002, events=1000, order="reversed")
    to_dl3(case, reversed_rows).ends("done")
    expect(product(case, 5002)["EVENTS"][1] == events, "the order of rows matters")
    report = case.folder / "report.json"
    to_dl3(case, whole, *SOURCE, "--report", report).ends("done")
    activity = json.loads(report.read_text("utf-8"))["activities"][0]
    expect(activity["events"] == 1000, activity)
    shown = case.run("show", activity["outputs"][0]["path"], "--json").ends("done").out
    facts = json.loads(shown)
    expect(facts["level"].startswith("DL3") and facts["OBJECT"] == "Somewhere", facts)


def case_dl3_loses_no_subrun(case):
    """A DL3 file is replaced by one of all that it is made of, not by one of another subrun."""
    first = dl2(case, subrun=0, events=500)
    second = dl2(case, subrun=1, events=500, first_id=501)
    to_dl3(case, first).ends("done")
    to_dl3(case, second).ends("usage").complains(f"{RUN:05d}.0000", "--overwrite")
    expect_sound(product(case), 500)
    to_dl3(case, [first, second]).ends("done")
    expect_sound(product(case), 1000)
    to_dl3(case, dl2(case, events=1000)).ends("done")
    to_dl3(case, [first, second]).ends("usage").complains(f"{RUN:05d}")
    to_dl3(case, second, *SOURCE, "--overwrite").ends("done")
    expect_sound(product(case), 500)


def case_dl3_of_subruns(case):
    first = dl2(case, subrun=0, events=500)
    second = dl2(case, subrun=1, events=500, first_id=501)
    to_dl3(case, [second, first]).ends("done")
    expect_sound(product(case), 1000)
    refuse_twice = dl2(case, subrun=2, events=500)
    to_dl3(case, [first, refuse_twice]).ends("bad input").complains("event 1 is there twice")


def case_dl3_without_events(case):
    """A run in which nothing passes counts with its time."""
    outcome = to_dl3(case, dl2(case, gammaness=0.1)).ends("done")
    outcome.says("no event passes the selection")
    units = product(case)
    expect_sound(units, 0)
    expect(units["EVENTS"][0]["LIVETIME"] > 0.05, "its time does not count")
    expect(abs(units["EVENTS"][0]["ALT_PNT"] - 60) < 1e-9, "no pointing")


def case_dl3_of_one_event(case):
    outcome = to_dl3(case, dl2(case, events=1)).ends("done")
    outcome.says("too few events to measure the dead time")
    units = product(case)
    expect_sound(units, 1)
    expect(units["GTI"][0]["NAXIS2"] == 0, "an event is no time")
    expect(units["EVENTS"][0]["DEADC"] == 0, "GADF: DEADC is 0 if ONTIME is 0")


def case_dl3_with_gap(case):
    """A pause is no observation."""
    to_dl3(case, dl2(case, gap=30)).ends("done")
    units = product(case)
    expect_sound(units, 1000)
    cards = units["EVENTS"][0]
    expect(units["GTI"][0]["NAXIS2"] == 2, "the pause is not seen")
    expect(cards["TELAPSE"] > 30 > 1 > cards["ONTIME"], f"{cards['TELAPSE']} {cards['ONTIME']}")


def case_dl3_with_nan_rows(case):
    outcome = to_dl3(case, dl2(case, nan=10)).ends("done")
    outcome.says("without direction or energy")
    expect_sound(product(case), 900)


def case_dl3_outside_the_grid(case):
    """The nearest response stands for a pointing that no three of them surround."""
    for i, (zenith, angle) in enumerate(((50, 60), (55, 80), (60, 70))):
        make(case, "irf", f"IRFs/irf_{i}.fits", zenith=zenith, field_angle=angle, area=1e5 * (1 + i))
    outcome = to_dl3(case, dl2(case), irf=case.folder / "IRFs").ends("done")
    outcome.says("outside the 3 instrument responses", "irf_0.fits")
    expect(product(case)["EVENTS"][0]["IRFUSE"] == "nearest of 3", "IRFUSE")


def case_dl3_between_responses(case):
    for i, (zenith, angle) in enumerate(((20, 32.8), (40, 59.5), (25, 66.0))):
        make(case, "irf", f"IRFs/irf_{i}.fits", zenith=zenith, field_angle=angle)
    to_dl3(case, dl2(case), irf=case.folder / "IRFs").ends("done")
    units = product(case)
    expect(units["EVENTS"][0]["IRFUSE"] == "interpolated between 3 of 3", "IRFUSE")
    expect(abs(units["EFFECTIVE AREA"][0]["ZEN_PNT"] - 30) < 1e-9, "ZEN_PNT")
    make(case, "irf", "IRFs/irf_9.fits", zenith=30, cut=0.8)
    refuse_other = dl2(case, run=5003)
    to_dl3(case, refuse_other, irf=case.folder / "IRFs").ends("bad input").complains(
        "differs in GH_CUT", "irf_9.fits")


def case_dl3_bad_inputs(case):
    refuse(case, dl2(case, kind="monte-carlo"), "bad input", "Monte Carlo")
    refuse(case, dl2(case, kind="timeless"), "bad input", "dragon_time")
    refuse(case, dl2(case, kind="pedestals"), "bad input", "none of its 1000 events is a shower")
    refuse(case, dl2(case, events=0), "bad input", "none of its 0 events")
    refuse(case, dl2(case, altitude=-90), "bad input", "pointing of its events is not known")
    data = dl2(case)
    refuse(case, [data, dl2(case, run=5002)], "usage", "05002", "one call makes the DL3 of one run")
    refuse(case, [data, data], "usage", "holds events of another input")
    refuse(case, case.folder / "dl2_LST-1.Run00001.h5", "missing input", "Run00001")
    refuse(case, data, "missing input", "holds no instrument response", irf=case.folder / "DL2")
    refuse(case, data, "bad input", "FITS", irf=data)
    alpha = make(case, "irf", "irf_alpha.fits", alpha=10)
    refuse(case, data, "bad input", "made with a cut in alpha", irf=alpha)


def case_dl3_of_source_dependent_dl2(case):
    data = dl2(case, kind="source-dependent")
    refuse(case, data, "bad input", "has no cut in alpha", "irf --source-dep")
    irf = make(case, "irf", "IRF/irf_alpha.fits", alpha=10)
    far = case.folder / "far.ecsv"
    far.write_text("name,ra_deg,dec_deg\nFar away,10,-80\n")
    unnamed = ("--source-catalogue", far)

    def places(*words):
        to_dl3(case, data, *unnamed, *words, irf=irf).ends("done")
        cards, events = product(case)["EVENTS"]
        counts = Counter((round(ra, 9), round(dec, 9))
                         for ra, dec in zip(events["RA"], events["DEC"]))
        on = counts.pop((round(cards["RA_OBJ"], 9), round(cards["DEC_OBJ"], 9)), 0)
        expect(len(counts) == 1, f"events stand at {counts}")
        return on, counts.popitem()[1], cards

    on, off, cards = places()
    expect((on, off) == (600, 400), f"{on} on and {off} off: one event counts for one place")
    expect(cards["SRCPOS"] == "off_180,on" and cards["OBJECT"] == "unknown", f"cards: {cards}")
    on, off, _ = places("--keep-duplicated-events")
    expect((on, off) == (700, 400), f"{on} on and {off} off")
    target = case.folder / "DL3/dl3_LST-1.Run05001.fits"
    target.unlink()
    refuse(case, data, "bad input", "assumes a source", irf=irf)
    to_dl3(case, data, "--source-name", "Here", "--source-ra", cards["RA_OBJ"], "--source-dec",
           cards["DEC_OBJ"], irf=irf).ends("done")
    target.unlink()
    other = dl2(case, subrun=1, kind="source-dependent", source_x=0.1, first_id=5000)
    usual = dl2(case, subrun=2, first_id=9000)
    refuse(case, [other, usual], "bad input", "was not made for the source positions", irf=irf)


def case_dl3_sources(case):
    data = dl2(case)
    refuse(case, data, "usage", "has no source 'Crub'", "Crab", words=("--source-name", "Crub"))
    refuse(case, data, "usage", "need each other", words=("--source-ra", "3"))
    refuse(case, data, "usage", "no angle", words=("--source-name", "A", "--source-ra", "x",
                                                  "--source-dec", "1"))
    to_dl3(case, data, "--source-name", "mrk_421").ends("done")
    cards = product(case)["EVENTS"][0]
    expect(cards["OBJECT"] == "Mrk 421" and abs(cards["RA_OBJ"] - 166.1138) < 1e-6, "the catalogue")


def case_dl3_of_no_known_source(case):
    """A run on a target that the catalogue does not have gets its DL3 all the same."""
    data = dl2(case)
    to_dl3(case, data, "--date", "20221215").ends("done").says(
        "sources.ecsv has no source within 1 deg", "the nearest, ")
    cards = product(case)["EVENTS"][0]
    expect(cards["OBJECT"] == "unknown" and cards["OBJ_OFF"] == 0, cards["OBJECT"])
    expect((cards["RA_OBJ"], cards["DEC_OBJ"]) == (cards["RA_PNT"], cards["DEC_PNT"]), "its place")
    catalogue = case.folder / "own.ecsv"
    catalogue.write_text("name,ra_deg,dec_deg\n"
                         f"Target,{cards['RA_PNT']},{cards['DEC_PNT'] + 1.5}\n", "utf-8")
    own = ("--set", f"significance.catalogue={catalogue}")
    to_dl3(case, data, *own).ends("done").says("own.ecsv has no source within 1 deg", "1.50 deg away")
    to_dl3(case, data, *own, "--set", "significance.max_separation=2").ends("done")
    expect(product(case)["EVENTS"][0]["OBJECT"] == "Target", "within the angle asked for")


def case_dl3_dry_run(case):
    """What would be made is named, from a folder of responses or from files yet to come."""
    make(case, "irf", "IRFs/irf_0.fits")
    absent = case.folder / "dl2_LST-1.Run05001.h5"
    to_dl3(case, absent, *SOURCE, "--dry-run", irf=case.folder / "IRFs").ends("done")
    to_dl3(case, absent, *SOURCE, "--dry-run", irf=case.folder / "irf.fits").ends("done")
    target = case.folder / "DL3" / "dl3_LST-1.Run05001.fits"
    case.run("dl3-index", "--input", target, "--output-dir", target.parent, "--dry-run").ends("done")
    expect(not list(target.parent.glob("*.fits*")), "a product of a dry run")


def case_dl3_index_of_a_folder(case):
    """Sorted by run, relative, the same however often; what is no DL3 is named and left out."""
    for run in (5003, 5001, 5002):
        to_dl3(case, dl2(case, run=run)).ends("done")
    folder = case.folder / "DL3"
    case.run("dl3-index", "--input-dir", folder).ends("done").says("3 observations")
    _, (cards, columns) = read_fits(folder / "obs-index.fits.gz")
    expect(cards["EXTNAME"] == "OBS INDEX" and cards["HDUCLAS2"] == "OBS", "cards")
    expect(columns["OBS_ID"] == [5001, 5002, 5003], columns["OBS_ID"])
    expect(columns["SOFTWARE"][0].startswith("alisio ") and columns["PROD_ID"][0], "how it was made")
    expect(abs(columns["ZEN_PNT"][0] - 30) < 1e-9, "ZEN_PNT")
    _, (cards, columns) = read_fits(folder / "hdu-index.fits.gz")
    expect(columns["HDU_TYPE"][:4] == ["events", "gti", "pointing", "aeff"], columns["HDU_TYPE"])
    expect(columns["HDU_CLASS"][3] == "aeff_2d" and set(columns["FILE_DIR"]) == {"."}, "classes")
    expect(columns["SIZE"][0] == (folder / columns["FILE_NAME"][0]).stat().st_size, "SIZE")
    broken = folder / "dl3_LST-1.Run04000.fits"
    broken.write_bytes((folder / "dl3_LST-1.Run05001.fits").read_bytes()[:FITS_BLOCK])
    case.run("dl3-index", "--input-dir", folder).ends("incomplete").complains("Run04000")
    _, (_, columns) = read_fits(folder / "obs-index.fits.gz")
    expect(columns["OBS_ID"] == [5001, 5002, 5003], "the rest is not indexed")
    case.run("dl3-index", "--input-dir", case.folder).ends("missing input").complains("dl3*.fits")
    absent = folder / "dl3_LST-1.Run09999.fits"
    case.run("dl3-index", "--input", absent, "--output-dir", folder).ends("missing input").complains(
        "Run09999")


def case_dl3_index_of_damaged_files(case):
    """Damage behind the headers, or a link to nothing, does not cost the others their index."""
    for run in (5001, 5002, 5003):
        to_dl3(case, dl2(case, run=run, events=20000)).ends("done")
    folder = case.folder / "DL3"
    cut, flipped, link = (folder / f"dl3_LST-1.Run{run:05d}.fits" for run in (5002, 5003, 4000))
    cut.write_bytes(cut.read_bytes()[:-FITS_BLOCK])
    content = bytearray(flipped.read_bytes())
    content[1_200_000] ^= 1
    flipped.write_bytes(content)
    link.symlink_to(folder / "nothing.fits")
    outcome = case.run("dl3-index", "--input-dir", folder).ends("incomplete")
    outcome.complains("3 of 4 files", f"{link}, {cut}, {flipped}: 3 of")
    _, (_, columns) = read_fits(folder / "obs-index.fits.gz")
    expect(columns["OBS_ID"] == [5001], columns["OBS_ID"])


def case_dl3_index_of_two_of_one_run(case):
    """Which of a packed and an unpacked file is the newer, the program does not guess."""
    data = dl2(case)
    to_dl3(case, data).ends("done")
    to_dl3(case, data, *SOURCE, "--gzip").ends("usage").complains("Run05001.fits", "twice")
    plain = case.folder / "DL3" / "dl3_LST-1.Run05001.fits"
    plain.with_name(plain.name + ".gz").write_bytes(gzip.compress(plain.read_bytes()))
    outcome = case.run("dl3-index", "--input-dir", case.folder / "DL3").ends("bad input")
    outcome.complains("Run05001.fits.gz", "is of run 5001", "Run05001.fits ", "keep one")


def case_dl3_index_is_both_or_none(case):
    """If there is room for the first index only, there is none."""
    to_dl3(case, dl2(case)).ends("done")
    folder = case.folder / "DL3"

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        # Unpacked, the indices are of five and six blocks.
        resource.setrlimit(resource.RLIMIT_FSIZE, (5 * FITS_BLOCK,) * 2)

    case.run("dl3-index", "--input-dir", folder, preexec_fn=limit).ends("resource").says("obs-index")
    expect(not list(folder.glob("*-index.fits.gz")), "half an index was published")
    expect_no_fragments(folder)
