"""Instrument response: what alisio irf makes of simulated events, and what it says of bad ones."""

import gzip
import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path

from harness import expect, fits_units

BY_ENERGY = ["--energy-dependent-gh", "--energy-dependent-theta"]


def simulated(case, name, **wishes):
    """Return a DL2 file of simulated events (see monte_carlo.cpp)."""
    tool = case.alisio.parent / "test" / "cases" / "monte_carlo"
    path = case.folder / f"dl2_{name}.h5"
    words = [f"{key}={value}" for key, value in wishes.items()]
    done = subprocess.run([tool, path, *words], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"monte_carlo {words} failed: {done.stderr}")
    return path


def tables(path):
    """Return {name: (cards, {column: values})} of a file of response, packed or not."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    found = {}
    for header, data, _, name in fits_units(content)[1:]:
        text = content[header:data].decode("ascii")
        cards = {}
        for at in range(0, len(text), 80):
            line = text[at : at + 80]
            key, _, value = line.partition("=")
            key = key.removeprefix("HIERARCH").strip()
            if value and key not in cards:
                text_value = value.split("'")[1].strip() if "'" in value else None
                cards[key] = value.split("/")[0].strip() if text_value is None else text_value
        found[name] = (cards, columns(content[data:], cards))
    return found


def columns(data, cards):
    """Return {column: values} of a table of doubles and long integers, all rows in one list."""
    rows, width = int(cards["NAXIS2"]), int(cards["NAXIS1"])
    found, offset = {}, 0
    for number in range(1, int(cards["TFIELDS"]) + 1):
        form = cards[f"TFORM{number}"]
        count, letter = int(form[:-1] or 1), {"D": "d", "K": "q"}[form[-1]]
        values = []
        for row in range(rows):
            values += struct.unpack_from(f">{count}{letter}", data, row * width + offset)
        found[cards[f"TTYPE{number}"]] = values
        offset += 8 * count
    return found


def kept_events(area):
    """Return how many events an effective area stands for.

    The showers are 1e6, of E^-2 from 0.01 to 50 TeV, on a disc of 800 m."""
    total = 0
    for low, high, value in zip(area["ENERG_LO"], area["ENERG_HI"], area["EFFAREA"], strict=True):
        low, high = max(low, 0.01), min(high, 50)
        if low < high:
            showers = 1e6 * (1 / low - 1 / high) / (1 / 0.01 - 1 / 50)
            total += value * showers / (math.pi * 800**2)
    return total


def case_irf_of_point_like_gammas(case):
    """Global cuts: the effective area stands for the events that pass, the dispersion is
    normalised, and cards say what cuts were made."""
    gamma = simulated(case, "gamma", kind="point", gammaness=0.9)
    output = case.folder / "irf.fits"
    case.run(
        "irf",
        "--gamma",
        gamma,
        "--output",
        output,
        "--point-like",
        "--set",
        "DL3Cuts.global_theta_cut=1",
    ).ends("done")
    found = tables(output)
    expect(list(found) == ["EFFECTIVE AREA", "ENERGY DISPERSION"], f"tables: {list(found)}")
    cards, area = found["EFFECTIVE AREA"]
    for key, value in {
        "HDUCLAS3": "POINT-LIKE",
        "HDUCLAS4": "AEFF_2D",
        "TELESCOP": "CTA-N",
        "INSTRUME": "LST-1",
        "TDIM5": "(25,1)",
        "TUNIT5": "m2",
    }.items():
        expect(cards.get(key) == value, f"{key} is {cards.get(key)}, not {value}")
    for key, value in {
        "ZEN_PNT": 20,
        "AZ_PNT": 180,
        "GH_CUT": 0.6,
        "RAD_MAX": 1,
        "B_TOTAL": 38.6,
        "ETRUE_SCALE": 1,
    }.items():
        expect(abs(float(cards.get(key, "nan")) - value) < 1e-12, f"{key} is {cards.get(key)}")
    expect("CHECKSUM" in cards and "DATASUM" in cards, "no checksum")
    expect(abs(kept_events(area) - 2000) < 1e-6, f"{kept_events(area)} events of 2000 were kept")
    expect(
        [round(area[key][0], 12) for key in ("THETA_LO", "THETA_HI")] == [0.3, 0.5],
        "the bin of offset is not around 0.4 deg",
    )
    dispersion = found["ENERGY DISPERSION"][1]
    widths = [
        high - low for low, high in zip(dispersion["MIGRA_LO"], dispersion["MIGRA_HI"], strict=True)
    ]
    for energy in range(25):
        total = sum(dispersion["MATRIX"][m * 25 + energy] * widths[m] for m in range(30))
        filled = area["EFFAREA"][energy] > 0
        expect(abs(total - filled) < 1e-12, f"the dispersion of energy {energy} sums to {total}")
    # Parts of one simulation add up, showers as well as events.
    more = simulated(case, "more", kind="point", gammaness=0.9, seed=2)
    words = ["--point-like", "--set", "DL3Cuts.global_theta_cut=1"]
    case.run("irf", "--gamma", gamma, more, "--output", output, *words).ends("done")
    area = tables(output)["EFFECTIVE AREA"][1]
    expect(abs(kept_events(area) - 2000) < 1e-6, f"{kept_events(area)} events a million showers")
    case.run("irf", "--gamma", gamma, simulated(case, "wide"), "--output", output).ends(
        "bad input"
    ).complains("viewcone")


def case_irf_set_of_pointings(case):
    """Diffuse gammas of two pointings, protons and electrons: two files, named by their pointings,
    all tables there, each gamma cut keeping the fraction asked for; the report names what was
    read."""
    for number, (zenith, azimuth) in enumerate([(20, 180), (43.197, 87.604)]):
        for kind in ("gamma", "proton", "electron"):
            folder = case.folder / kind
            folder.mkdir(exist_ok=True)
            made = simulated(
                case,
                f"{kind}{number}",
                kind=kind,
                zenith=zenith,
                azimuth=azimuth,
                events=20000 if kind == "gamma" else 4000,
                runs=2,
                seed=number + 5,
            )
            made.rename(folder / made.name)
    output, report = case.folder / "IRF", case.folder / "report.json"
    case.run(
        "irf",
        "--gamma",
        case.folder / "gamma",
        "--proton",
        case.folder / "proton",
        "--electron",
        case.folder / "electron",
        "--output-dir",
        output,
        "--energy-dependent-gh",
        "--set",
        "DL3Cuts.min_event_p_en_bin=50",
        "--report",
        report,
    ).ends("done")
    names = sorted(path.name for path in output.glob("*.fits.gz"))
    expect(
        names
        == ["irf_node_theta_20.000_az_180.000.fits.gz", "irf_node_theta_43.197_az_87.604.fits.gz"],
        f"files: {names}",
    )
    for name in names:
        found = tables(output / name)
        expect(
            list(found) == ["EFFECTIVE AREA", "ENERGY DISPERSION", "BACKGROUND", "PSF", "GH_CUTS"],
            f"tables: {list(found)}",
        )
        cards, cuts = found["GH_CUTS"]
        expect(float(cards["GH_EFF"]) == 0.95, f"GH_EFF is {cards['GH_EFF']}")
        expect(sum(cuts["n_events"]) > 1000, f"cuts were found from {sum(cuts['n_events'])} gammas")
        # Gammaness is 1 - u^2 / 2: with 95 % of the gammas above 0.549.
        expect(all(abs(cut - 0.549) < 0.05 for cut in cuts["cut"]), f"cuts: {cuts['cut']}")
        cards, background = found["BACKGROUND"]
        expect(cards["TDIM5"] == "(25,20)", f"BACKGROUND is {cards['TDIM5']}, not energy fastest")
        expect(
            max(background["BKG"]) > 0 and not any(map(math.isnan, background["BKG"])),
            "there is no background",
        )
        expect(max(found["PSF"][1]["RPSF"]) > 0, "there is no point spread")
    activities = json.loads(report.read_text("utf-8"))["activities"]
    expect(len(activities) == 2, f"{len(activities)} activities")
    ports = sorted(item["port"] for item in activities[0]["inputs"])
    expect(ports == ["dl2_electron", "dl2_gamma", "dl2_proton"], f"ports: {ports}")
    again = case.folder / "again"
    case.run(
        "irf", "--gamma", case.folder / "gamma", "--output-dir", again, "--point-like", *BY_ENERGY
    ).ends("done")
    found = tables(again / names[0])
    expect(
        list(found) == ["EFFECTIVE AREA", "ENERGY DISPERSION", "GH_CUTS", "RAD_MAX"],
        f"tables: {list(found)}",
    )
    radii = found["RAD_MAX"][1]["RAD_MAX"]
    expect(all(0.1 <= radius <= 0.32 for radius in radii), f"theta cuts: {radii}")


def case_irf_of_a_source_dependent_analysis(case):
    """Alpha cuts in place of theta cuts; lstchain's blocks of a JSON file are read as they stand."""
    gamma = simulated(case, "gamma", kind="point", source=1, events=20000)
    config = case.folder / "lstchain.json"
    config.write_text(
        json.dumps(
            {
                "DL3Cuts": {"alpha_containment": 0.5, "gh_efficiency": 0.9},
                "EventSelector": {"filters": {"wl": [0.1, 1]}},
            }
        ),
        "utf-8",
    )
    output = case.folder / "irf.fits.gz"
    case.run(
        "irf",
        "--gamma",
        gamma,
        "--output",
        output,
        "--point-like",
        "--source-dep",
        "--energy-dependent-gh",
        "--energy-dependent-alpha",
        "--config",
        config,
    ).ends("done")
    found = tables(output)
    expect(
        "AL_CUTS" in found and "GH_CUTS" in found and "RAD_MAX" not in found,
        f"tables: {list(found)}",
    )
    cards, cuts = found["AL_CUTS"]
    expect(float(cards["AL_CONT"]) == 0.5, f"AL_CONT is {cards['AL_CONT']}")
    # Alpha is uniform from 0 to 30 deg.
    expect(all(abs(cut - 15) < 4 for cut in cuts["cut"]), f"alpha cuts: {cuts['cut']}")
    case.run("irf", "--gamma", gamma, "--output", output, "--source-dep").ends(
        "configuration"
    ).complains("point-like")


def case_irf_of_odd_input(case):
    """Every odd input ends with a clear message, or a clear result."""
    good = simulated(case, "good", kind="point")
    output = case.folder / "irf.fits.gz"

    def irf(path, *words):
        return case.run("irf", "--gamma", path, "--output", output, *words)

    irf(simulated(case, "data", runs=0)).ends("bad input").complains("run_config")
    irf(simulated(case, "different", runs=2, different=1)).ends("bad input").complains(
        "spectral_index"
    )
    irf(simulated(case, "two", second=5)).ends("bad input").complains("several pointings")
    irf(simulated(case, "empty", events=0)).ends("bad input").complains("no events")
    irf(good, "--set", "EventSelector.filters={r: [2, 3]}").ends("bad input").complains("selection")
    irf(good, "--set", "DL3Cuts.global_gh_cut=1").ends("bad input").complains("cuts")
    irf(good, "--set", "DataBinning.true_energy_min=100").ends("bad input").complains("cuts")
    irf(good, *BY_ENERGY, "--set", "DL3Cuts.min_event_p_en_bin=1e6").ends("bad input").complains(
        "min_event_p_en_bin"
    )
    irf(good, "--proton", good).ends("usage").complains("electrons")
    untyped = simulated(case, "untyped", kind="point", typed=0)
    irf(untyped, "--proton", untyped, "--electron", untyped).ends("bad input").complains(
        "everywhere"
    )
    irf(case.folder / "absent.h5").ends("missing input")
    irf(good, "--set", "EventSelector.filters={absent: [0, 1]}").ends("bad input").complains(
        "absent"
    )
    irf(good, "--set", "DL3Cuts.min_gh_cut=0.99").ends("configuration")
    for key in ("theta_containment", "alpha_containment", "gh_efficiency"):
        irf(good, "--set", f"DL3Cuts.{key}=0").ends("configuration").complains(key)
    other = simulated(case, "other", zenith=50)
    case.run("irf", "--gamma", good, other, "--output", output).ends("usage").complains(
        "2 pointings"
    )
    proton = simulated(case, "proton", kind="proton", zenith=40)
    electron = simulated(case, "electron", kind="electron", zenith=40)
    case.run(
        "irf",
        "--gamma",
        good,
        "--proton",
        proton,
        "--electron",
        electron,
        "--output-dir",
        case.folder,
    ).ends("bad input").complains("same pointings")
    expect(not output.exists(), "a failed call left a response")

    # NaN is left out and said; bins without events and unsimulated energies have no area.
    rows = simulated(case, "nan", kind="point", nan=7, gammaness=0.9)
    irf(rows).ends("done").says("7 simulated gammas")
    area = tables(output)["EFFECTIVE AREA"][1]
    expect(abs(kept_events(area) - 1993) < 1e-6, f"{kept_events(area)} events of 1993 were kept")
    expect(area["EFFAREA"][0] == 0 and area["EFFAREA"][-1] == 0, "area where nothing was simulated")
    planned = case.folder / "planned"
    case.run("irf", "--gamma", good, "--output-dir", planned, "--dry-run").ends("done")
    expect(not list(planned.glob("*.fits.gz")), "a dry run made a response")


def case_irf_refuses_another_particle(case):
    """Each option takes its own particle only; the message names the file and what it holds."""
    made = {kind: simulated(case, kind, kind=kind) for kind in ("gamma", "proton", "electron")}
    output = case.folder / "irf.fits.gz"

    def irf(gamma, proton, electron):
        words = ["--proton", made[proton], "--electron", made[electron]]
        return case.run("irf", "--gamma", made[gamma], "--output", output, *words)

    for names, culprit in [
        (("proton", "proton", "electron"), "proton"),
        (("electron", "proton", "electron"), "electron"),
        (("gamma", "electron", "proton"), "electron"),
        (("gamma", "proton", "proton"), "proton"),
    ]:
        irf(*names).ends("bad input").complains(
            f"holds {culprit}s", made[culprit].name
        )
    expect(not output.exists(), "a failed call left a response")
    irf("gamma", "proton", "electron").ends("done")


def case_irf_takes_a_file_once(case):
    """A file that two paths lead to is one file: named twice, linked to, and in a named folder."""
    folder = case.folder / "gammas"
    folder.mkdir()
    gamma = folder / "dl2_gamma.h5"
    simulated(case, "gamma", kind="point").rename(gamma)
    link = folder / "dl2_link.h5"
    link.symlink_to(gamma)
    output, report = case.folder / "irf.fits.gz", case.folder / "report.json"
    case.run(
        "irf", "--gamma", folder, gamma, gamma, "--output", output, "--report", report
    ).ends("done").says("more than once")
    (activity,) = json.loads(report.read_text("utf-8"))["activities"]
    inputs = [item["path"] for item in activity["inputs"]]
    expect(len(inputs) == 1, f"read {inputs}")


def case_irf_knows_azimuths_modulo_a_turn(case):
    """Azimuths a turn apart are one pointing, those too that only rounding tells from north."""
    azimuths = {"north": 0, "turn": 360, "almost": 359.9996, "minus": -90, "west": 270}
    made = [simulated(case, name, kind="point", azimuth=az) for name, az in azimuths.items()]
    output = case.folder / "IRF"
    case.run("irf", "--gamma", *made, "--output-dir", output).ends("done")
    names = sorted(path.name for path in output.glob("*.fits.gz"))
    expect(
        names
        == ["irf_node_theta_20.000_az_0.000.fits.gz", "irf_node_theta_20.000_az_270.000.fits.gz"],
        f"files: {names}",
    )
    cards = tables(output / names[1])["EFFECTIVE AREA"][0]
    expect(float(cards["AZ_PNT"]) == 270, f"AZ_PNT is {cards['AZ_PNT']}")


def case_irf_counts_showers_without_events(case):
    """A file whose showers all fail the trigger or the cuts is of its runs' pointing and halves the
    effective area; rows without a pointing are left out wherever they are."""
    words = ["--point-like", "--set", "DL3Cuts.global_theta_cut=1"]
    gamma = simulated(case, "gamma", kind="point", gammaness=0.9)
    empty = simulated(case, "empty", kind="point", events=0)
    output = case.folder / "irf.fits.gz"
    case.run("irf", "--gamma", empty, gamma, "--output", output, *words).ends("done")
    kept = kept_events(tables(output)["EFFECTIVE AREA"][1])
    expect(abs(kept - 1000) < 1e-6, f"{kept} events a million showers of 2000 in two million")

    diffuse = simulated(case, "diffuse")
    electron = simulated(case, "electron", kind="electron")
    proton = simulated(case, "proton", kind="proton", events=0)
    background = ["--proton", proton, "--electron", electron]
    case.run("irf", "--gamma", diffuse, *background, "--output", output).ends("done").says(
        "no simulated protons survived"
    )
    expect(max(tables(output)["BACKGROUND"][1]["BKG"]) > 0, "no background of electrons")

    lost = simulated(case, "lost", kind="point", gammaness=0.9, lost=3)
    case.run("irf", "--gamma", lost, "--output", output, *words).ends("done")
    kept = kept_events(tables(output)["EFFECTIVE AREA"][1])
    expect(abs(kept - 1997) < 1e-6, f"{kept} events of 1997 were kept")


def case_irf_tells_switches_without_effect(case):
    """Cuts by energy that the kind of response does not make are told, not dropped in silence."""
    gamma = simulated(case, "gamma", kind="point")
    words = ["irf", "--gamma", gamma, "--output", case.folder / "irf.fits.gz"]
    case.run(*words, "--energy-dependent-theta").ends("done").says("energy_dependent_theta")
    case.run(*words, "--point-like", "--energy-dependent-alpha").ends("done").says(
        "energy_dependent_alpha"
    )
    quiet = case.run(*words, "--point-like", *BY_ENERGY).ends("done")
    expect("no effect" not in quiet.out + quiet.err, "a switch in use is told to have no effect")


def case_simulations_stay_what_they_are(case):
    """dl1-to-dl2 does not make an observation of simulated events, by either mark of them."""
    models = next((Path(__file__).resolve().parents[2] / "cfg" / "models").glob("*.forest"))
    output = case.folder / "DL2"
    words = ["dl1-to-dl2", "--models", models, "--output-dir", output, "--input"]

    def refuse(dl1):
        case.run(*words, dl1).ends("bad input").complains(
            dl1, "simulated events", "lstchain_dl1_to_dl2")
        expect(not list(output.glob("*.h5")), "DL2 without its simulation")

    made = case.folder / "dl1_LST-1.Run00001.0000.h5"
    simulated(case, "gamma").rename(made)
    refuse(made)
    peer = os.environ.get("ALISIO_PEER_PYTHON", sys.executable)
    mark = ("import sys, tables\n"
            "with tables.open_file(sys.argv[1], 'a') as file:\n"
            "    table = file.root.dl1.event.telescope.parameters.LST_LSTCam\n"
            "    table.modify_column(colname='mc_type', column=[101] * len(table))\n")
    if subprocess.run([peer, "-c", "import tables"], capture_output=True, check=False).returncode:
        return
    observed = case.folder / "DL1"
    case.run(*case.simulated().stage_words(observed)).ends("done")
    dl1 = next(observed.glob("dl1_*.h5"))
    subprocess.run([peer, "-c", mark, str(dl1)], check=True)
    refuse(dl1)
