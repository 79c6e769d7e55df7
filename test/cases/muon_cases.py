"""Muon rings: the file that r0-to-dl1 writes beside DL1."""

from harness import changed, expect, expect_no_fragments, fits_data_hash, fits_units

COLUMNS = (
    "event_id event_time mc_energy ring_size size_outside ring_center_x ring_center_y ring_radius "
    "ring_width good_ring muon_efficiency ring_containment ring_completeness impact_parameter "
    "impact_x_array impact_y_array radial_stdev radial_skewness radial_excess_kurtosis "
    "num_pixels_in_ring mean_pixel_charge_around_ring hg_peak_sample lg_peak_sample"
).split()
FORMATS = "K D K E E D D D D L D D D D D D D D D K D K K".split()
NOT_OURS = ("bright_pixels", "cut")
RICH = {"events": 60, "seed": 11}  # with rings among the events


def muon_file(folder):
    found = sorted(folder.glob("muons_LST-1.Run*.fits"))
    expect(len(found) == 1, f"expected one muon file in {folder}, found {found}")
    expect_no_fragments(folder)
    return found[0]


def cards_of(path, unit):
    """Return the cards of a unit as {keyword: value}, texts without quotes."""
    content = path.read_bytes()
    start, data, _, _ = fits_units(content)[unit]
    header = content[start:data].decode("ascii")
    cards = {}
    for at in range(0, len(header), 80):
        line = header[at : at + 80]
        if line[8:10] == "= ":
            value = line[10:].split("/")[0].strip() if line[10] != "'" else line[11:].split("'")[0]
            cards[line[:8].strip()] = value.strip()
    return cards


def rows_of(path, unit):
    return int(cards_of(path, unit)["NAXIS2"])


def made(case, night, name, *words):
    folder = case.folder / name
    case.run(*changed(night.stage_words(folder), "--output-dir", folder), *words).ends("done")
    return folder


def case_muons_beside_dl1(case):
    """The first table is lstchain's, the second holds all candidates and why they are no rings; the
    same for any number of threads."""
    night = case.simulated(**RICH)
    path = muon_file(made(case, night, "one"))
    names = [unit[3] for unit in fits_units(path.read_bytes())]
    expect(names == ["", "", "CANDIDATES"], f"tables: {names}")
    for unit in (1, 2):
        cards = cards_of(path, unit)
        n = len(COLUMNS)
        found = [cards.get(f"TTYPE{i + 1}") for i in range(n)]
        expect(found == COLUMNS, f"columns of table {unit}: {found}")
        formats = [cards.get(f"TFORM{i + 1}") for i in range(n)]
        expect(formats == FORMATS, f"formats of table {unit}: {formats}")
        expect("DATASUM" in cards, f"table {unit} has no checksum")
    rings = cards_of(path, 1)
    expect(rings["TFIELDS"] == str(len(COLUMNS)), "the first table is not lstchain's")
    expect("TUNIT1" not in rings, "the first table has units, which lstchain's has not")
    more = {cards_of(path, 2)[f"TTYPE{i + 1}"] for i in range(int(cards_of(path, 2)["TFIELDS"]))}
    expect(set(NOT_OURS) <= more, f"candidates have the columns {sorted(more)}")
    expect(cards_of(path, 0)["NEVENTS"] == "60", "the file does not say how many events")
    expect(rows_of(path, 2) >= rows_of(path, 1) > 0, "no rings in a night that has some")
    other = muon_file(made(case, night, "three", "--threads", 3))
    expect(fits_data_hash(other) == fits_data_hash(path), "three threads make another file")


def case_no_muons_on_request(case):
    """Neither the option nor the key makes a file, and DL1 is there."""
    night = case.simulated()
    for words in (["--no-muons"], ["--set", "muons.write=false"]):
        folder = made(case, night, "-".join(words).strip("-"), *words)
        expect(not list(folder.glob("muons_*")), f"{words}: there are muons")
        expect(list(folder.glob("dl1_*.h5")), f"{words}: there is no DL1")


def case_empty_muon_table(case):
    """A subrun without rings has a file with the same columns and no rows."""
    night = case.simulated()
    path = muon_file(made(case, night, "few", "--max-events", 1))
    expect(rows_of(path, 1) == 0, "a ring in one event")
    cards = cards_of(path, 1)
    formats = [cards.get(f"TFORM{i + 1}") for i in range(len(COLUMNS))]
    expect(formats == FORMATS, f"formats of the empty table: {formats}")
    expect(cards_of(path, 0)["NEVENTS"] == "1", "the file does not say how many events")


def case_dry_run_names_muons(case):
    """A dry run plans the file and makes none."""
    night = case.simulated()
    folder = case.folder / "dry"
    case.run(*night.stage_words(folder), "--dry-run").ends("done")
    expect(not list(folder.rglob("muons_*.fits")), "a dry run made a file")
