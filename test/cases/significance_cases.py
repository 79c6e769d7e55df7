"""alisio significance: sources of a night, in its graph and report, and input that is odd."""

import json

from harness import DATE, expect, one_file, replace_file

SOURCE_DEC = 22.0  # what the simulated telescope observes, 0.4 deg off
ALL_EVENTS = ["--set", "significance.gammaness_cut=0"]


def target_of(night):
    """Return right ascension and declination of the simulated pointing, deg."""
    log = one_file(night.folder, f"Target_log_{DATE}.txt").read_text("utf-8")
    words = next(line for line in log.splitlines() if "TrackStart" in line).split()
    return float(words[2]), float(words[3])


def catalogue_of(case, night, name="Simulated Source"):
    ra, _ = target_of(night)
    file = case.folder / "sources.csv"
    file.write_text(f"name,ra_deg,dec_deg,aliases\n{name},{ra},{SOURCE_DEC},Sim\n"
                    f"Far Away,{(ra + 180) % 360},-22.0,\n", "utf-8")
    return file


def processed(case, steps=b"", **options):
    """Return a simulated night with its DL2."""
    night = case.simulated(**options)
    catalogue = catalogue_of(case, night)
    extra = f"significance:\n  gammaness_cut: 0\n  catalogue: {catalogue}\n".encode()
    replace_file(night.config, night.config.read_bytes() + extra + steps)
    night.process().ends("done")
    return night, catalogue


def result_in(folder):
    return json.loads(one_file(folder, "significance*.json").read_text("utf-8"))


def case_significance_in_a_night(case):
    """Switched on, the night counts its sources; the report shows them; nothing is done twice."""
    night, _ = processed(case, b"steps:\n  significance: true\n", events=120)
    product = one_file(night.folder / "DL3", f"significance_{DATE}.json")
    result = json.loads(product.read_text("utf-8"))
    (source,) = result["sources"]
    expect(source["name"] == "Simulated Source", f"source: {source['name']}")
    (row,) = source["runs"]
    expect(row["events"] > 0 and row["selected_events"] > 0, f"counted: {row}")
    expect(abs(row["separation_deg"] - 0.4) < 0.01, f"offset: {row['separation_deg']}")
    expect(source["sum"]["n_on"] == row["n_on"], "the sum of one run is that run")
    expect(sum(source["on"]) > 0, "the histogram is empty")
    plot = one_file(product.parent, f"theta2_Simulated_Source_{DATE}.svg")
    expect("theta²" in plot.read_text("utf-8"), "no plot of theta2")
    report = one_file(night.folder / "DL1", f"report_{DATE}.html").read_text("utf-8")
    for words in ("Simulated Source", "Squared angle to the source", "excess per minute"):
        expect(words in report, f"'{words}' is not in the report")
    again = json.loads(night.process("--json").ends("done").out)
    expect(again["jobs_run"] == 0, f"a second pass did {again['jobs_run']} jobs")
    night.process("--dry-run").ends("done")
    found = case.run("prov", "show", product, "--config", night.config).ends("done")
    found.says("significance", "dl2_LST-1")
    found = case.run("prov", "show", product, "--lineage", "--config", night.config).ends("done")
    found.says("LST-1.1.Run11220.0000.fits.fz")


def case_significance_without_the_step(case):
    """Unasked, a night makes no DL3 folder."""
    night, _ = processed(case)
    expect(not (night.folder / "DL3").exists(), "there is a DL3 folder")


def case_significance_of_files(case):
    """Merged files and subruns count alike; a source may be told; more off positions may be taken."""
    night, catalogue = processed(case, events=120)
    merged = one_file(night.folder / "DL2", f"dl2_LST-1.Run{night.run_number:05d}.h5")
    words = ["--source-catalogue", catalogue, *ALL_EVENTS, "--output-dir"]
    of_run = case.run("significance", "--input", merged, *words, case.folder / "a").ends("done")
    of_run.says("Simulated Source", "sigma", "all")
    case.run("significance", "--input", *night.products("DL2"), *words, case.folder / "b").ends("done")
    a, b = (result_in(case.folder / name)["sources"][0] for name in "ab")
    expect(a["sum"] == b["sum"] and a["on"] == b["on"], "subruns count otherwise than their run")
    case.run("significance", "--input-dir", merged.parent, *words, case.folder / "c").ends("done")
    c = result_in(case.folder / "c")["sources"][0]
    expect(c["sum"] == a["sum"], "the folder counts otherwise than its run")

    other = merged.parent / merged.name.replace("LST-1", "LST-2")
    other.write_bytes(merged.read_bytes())
    case.run("significance", "--input-dir", merged.parent, *words, case.folder / "f").ends("done").says(
        f"left out: {other.name}: is of telescope 2")
    expect(result_in(case.folder / "f")["sources"][0]["sum"] == a["sum"], "two telescopes were added")
    case.run("significance", "--input", merged, other, *words, case.folder / "g").ends("usage").complains(
        other.name, "telescope 2")
    other.unlink()

    ra, _ = target_of(night)
    told = ["--source-name", "Told", "--source-ra", ra, "--source-dec", SOURCE_DEC]
    case.run("significance", "--input", merged, *told, *ALL_EVENTS, "--set", "significance.n_off=3",
             "--set", "significance.normalisation=positions", "--output-dir",
             case.folder / "d").ends("done").says("Told", "as told", "3 off positions")
    d = result_in(case.folder / "d")["sources"][0]
    expect(d["sum"]["n_on"] == a["sum"]["n_on"], "the same place gives other counts")
    expect(abs(d["sum"]["alpha"] - 1 / 3) < 1e-12, f"alpha: {d['sum']['alpha']}")
    case.run("significance", "--input", merged, "--source-name", "sim", "--source-catalogue", catalogue,
             *ALL_EVENTS, "--output-dir", case.folder / "e").ends("done").says("Simulated Source")


def case_significance_of_nothing(case):
    """No event passes, no source is near, no off events: said, and no number is made up."""
    night, catalogue = processed(case)
    merged = one_file(night.folder / "DL2", f"dl2_LST-1.Run{night.run_number:05d}.h5")
    base = ["significance", "--input", merged, "--source-catalogue", catalogue]
    case.run(*base, "--set", "significance.gammaness_cut=2", "--output-dir",
             case.folder / "none").ends("done").says("no event passes the cuts")
    row = result_in(case.folder / "none")["sources"][0]["sum"]
    expect(row["significance"] is None and row["n_on"] == 0, f"of nothing: {row}")
    case.run(*base, *ALL_EVENTS, "--set", "significance.max_separation=0.1", "--output-dir",
             case.folder / "far").ends("done").says("no source was observed", "within 0.1 deg")
    expect(not result_in(case.folder / "far")["sources"], "a source, though none is near")
    _, dec = target_of(night)
    ra, _ = target_of(night)
    case.run("significance", "--input", merged, "--source-ra", ra, "--source-dec", dec, *ALL_EVENTS,
             "--output-dir", case.folder / "centre").ends("done").says("regions on and off overlap")
    row = result_in(case.folder / "centre")["sources"][0]["runs"][0]
    expect(row["significance"] is None and not row["in_sum"], f"on the centre: {row}")


def case_significance_of_bad_input(case):
    """Each of these ends with one clear line."""
    night, catalogue = processed(case)
    merged = one_file(night.folder / "DL2", f"dl2_LST-1.Run{night.run_number:05d}.h5")
    base = ["significance", "--source-catalogue", catalogue, "--output-dir", case.folder / "out"]
    inputs = ["--input", merged]
    case.run(*base, *inputs, "--source-name", "Nowhere").ends("usage").complains("Nowhere")
    case.run(*base, *inputs, "--source-name", "Far Away").ends("bad input").complains(
        "Far Away", "outside the camera")
    case.run(*base, *inputs, "--source-ra", 10).ends("usage").complains("--source-dec")
    case.run(*base, *inputs, "--source-ra", 10, "--source-dec", 91).ends("usage").complains("91")
    case.run(*base, *inputs, *inputs).ends("usage").complains("given twice")
    case.run(*base, *inputs, "--input", night.product("DL2", 0)).ends("usage").complains("given twice")
    case.run(*base).ends("usage").complains("--input")
    case.run(*base, "--input", case.folder / "dl2_LST-1.Run00001.h5").ends("missing input")
    case.run(*base, *inputs, "--set", "significance.theta2_norm=[0.01, 1]").ends("configuration")
    truncated = case.folder / merged.name
    truncated.write_bytes(merged.read_bytes()[:4000])
    case.run(*base, "--input", truncated).ends("bad input").complains(merged.name)
    dl1 = night.product("DL1", 0)
    case.run(*base, "--input", dl1).ends("bad input").complains("no DL2")
    expect(not list((case.folder / "out").glob("significance*")), "a product of bad input")


def case_significance_of_a_selection(case):
    """Files enter by how they were made; what does not is named."""
    night, catalogue = processed(case, events=60)
    case.run("prov", "index", "--config", night.config).ends("done")
    base = ["significance", "--input", *night.products("DL2"), "--source-catalogue", catalogue, *ALL_EVENTS,
            "--config", night.config]
    case.run(*base, "--output-dir", case.folder / "all", "--select",
             "parameter=CalibrationRun=11219", "--select", "activity=r0_to_dl1").ends("done")
    result = result_in(case.folder / "all")
    expect("CalibrationRun=11219" in result["selection"], f"selection: {result['selection']}")
    expect(not result["left_out"], f"left out: {result['left_out']}")
    case.run(*base, "--output-dir", case.folder / "one", "--select", "subrun=1").ends("done").says(
        "left out", "0000.h5", "not subrun=1")
    left = [one["what"] for one in result_in(case.folder / "one")["left_out"]]
    expect(left == [night.product("DL2", 0).name], f"left out: {left}")
    none = case.run(*base, "--output-dir", case.folder / "no", "--select", "software=no such thing")
    none.ends("incomplete").complains("no file meets")
    expect(not (case.folder / "no" / f"significance_{DATE}.json").exists(), "a product of nothing")
    case.run(*base, "--output-dir", case.folder / "no", "--select", "colour=red").ends(
        "usage").complains("colour")
