"""alisio show: what it says of files, ours and lstchain's."""

import json
import os
from pathlib import Path

from harness import Skipped, expect

ROOT = Path(__file__).resolve().parents[2]


def reference(*parts):
    shared = Path(os.environ.get("ALISIO_SHARED", ROOT.parent / "shared"))
    path = shared.joinpath("data/reference", *parts)
    if not path.exists():
        raise Skipped(f"{path} is not there")
    return path


def case_show_unknown_files(case):
    text = case.folder / "text.h5"
    text.write_text("not a table\n", "utf-8")
    case.run("show", text).ends("bad input").complains(text, "HDF5")
    absent = case.folder / "absent.h5"
    case.run("show", absent).ends("missing input").complains(absent)
    case.run("show", case.folder).ends("usage").complains(case.folder)
    case.run("show").ends("usage").complains("file")
    cut = case.folder / "cut.h5"
    cut.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    case.run("show", cut).ends("bad input").complains(cut)


def case_show_dl1_of_lstchain(case):
    """The numbers below are those that h5dump prints of the reference file."""
    path = reference("dl1", "dl1_LST-1.Run11220.0000.h5")
    case.run("show", path).ends("done").says("DL1", "11220", "lstchain 0.12.3")
    image = case.folder / "shower.svg"
    said = case.run("show", path, "--json", "--rows", 2, "--event", 3, "--output", image)
    facts = json.loads(said.ends("done").out)
    expect(facts["runs"] == [11220] and facts["events"] == 200, f"wrong facts:\n{said}")
    types = facts["event_types"]
    expect(types == {"flatfield": 16, "pedestal": 14, "shower": 170}, f"wrong types: {types}")
    expect(facts["first_time_utc"].startswith("2022-12-15T22:00:03"), f"wrong time:\n{said}")
    expect([row["event_id"] for row in facts["rows"]] == [1, 2], f"wrong rows:\n{said}")
    expect(facts["rows"][1]["intensity"] is None, "a pedestal has no intensity")
    expect(facts["event"]["event_id"] == 3 and facts["event"]["n_pixels"] == 75, f"event:\n{said}")
    drawn = image.read_text("utf-8")
    expect(drawn.startswith("<svg") or "<svg" in drawn[:200], "no SVG was written")
    expect(drawn.count("<title>") >= 1855, "not every pixel is drawn")
    case.run("show", path, "--event", 999999).ends("missing input").complains(path, "999999")


def case_show_dl2_of_lstchain(case):
    path = reference("dl2_standard", "dl2_LST-1.Run11220.0000.h5")
    said = case.run("show", path, "--json", "--rows", 1)
    facts = json.loads(said.ends("done").out)
    expect(facts["level"] == "DL2" and facts["events"] == 154, f"wrong facts:\n{said}")
    row = facts["rows"][0]
    expect(abs(row["reco_energy"] - 0.58981) < 1e-5, f"wrong energy: {row}")
    said = case.run("show", path, "--output", case.folder / "no.svg").ends("missing input")
    said.complains(path, "images")
    expect(not (case.folder / "no.svg").exists(), "an image out of nothing")


def case_show_raw(case):
    night = case.simulated()
    facts = json.loads(case.run("show", "--json", night.raw(1, 0)).ends("done").out)
    expect(facts["run"] == night.run_number and facts["format"] == "ProtoR1", f"wrong: {facts}")
    rows = {table["name"]: table["rows"] for table in facts["tables"]}
    expect(rows == {"CameraConfig": 1, "Events": 10}, f"wrong tables: {rows}")


def case_show_constants_of_lstchain(case):
    """The numbers below are those that h5dump and numpy give of the shared constants."""
    folder = reference().parent / "calibration"
    path = folder / "calibration_filters_52.Run11219.0000.h5"
    case.run("show", path).ends("done").says("charge calibration", "lstchain 0.12.3", "dc_to_pe")
    said = case.run("show", path, "--json").ends("done")
    objects = {item["path"]: item for item in json.loads(said.out)["objects"]}
    expect(objects["/tel_1/calibration"]["rows"] == 1, f"wrong rows:\n{said}")
    quantities = objects["/tel_1/calibration"]["quantities"]
    unusable = [item["set"] for item in quantities if item["name"] == "unusable_pixels"]
    expect(unusable == [2, 2], f"unusable pixels: {unusable}")
    gain = {item["gain"]: item for item in quantities if item["name"] == "n_pe"}
    expect(abs(gain["high"]["median"] - 74.631) < 1e-2, f"wrong n_pe: {gain}")
    kinds = {"drs4_pedestal.Run11218": "DRS4 pedestal", "time_calibration.Run11219": "time calibration"}
    for name, kind in kinds.items():
        case.run("show", folder / f"{name}.0000.h5").ends("done").says(kind)
    case.run("show", path, "--event", 1).ends("usage").complains(path, "images")


def case_show_empty_and_foreign_files(case):
    empty = case.folder / "empty.h5"
    empty.write_bytes(b"")
    case.run("show", empty).ends("bad input").complains(empty, "empty")
    binary = case.folder / "binary.dat"
    binary.write_bytes(bytes(range(256)) * 4)
    case.run("show", binary).ends("bad input").complains(binary)
    broken = case.folder / "broken.json"
    broken.write_text('{"entity": {', "utf-8")
    case.run("show", broken).ends("bad input").complains(broken, "JSON")
    cut = case.folder / "datacheck_dl1_LST-1.Run03002.0000.h5"
    whole = reference("images", cut.name).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    case.run("show", cut).ends("bad input").complains(cut)
    fits = case.folder / "muons_LST-1.Run11220.0000.fits"
    whole = reference("dl1", fits.name).read_bytes()
    fits.write_bytes(whole[:4000])
    case.run("show", fits).ends("bad input").complains(fits)


def png_size(path):
    head = path.read_bytes()[:24]
    expect(head[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def case_show_draws_images_of_dl1(case):
    path = reference("dl1", "dl1_LST-1.Run11220.0000.h5")
    svg, png = case.folder / "event.svg", case.folder / "event.png"
    for output in (svg, png):
        case.run("show", path, "--event", 3, "--output", output).ends("done").says(output)
    drawn = svg.read_text("utf-8")
    expect(drawn.count("<title>pixel ") == 2 * 1855, "two cameras of 1855 pixels are expected")
    for words in ("charge (p.e.)", "time (ns)", "x&#39; (m)", "Run 11220, event 3"):
        expect(words in drawn, f"no '{words}'")
    expect(drawn.count("no value") == 1855 - 75, "times of other pixels than the 75 of the image")
    expect(png_size(png) == (3200, 1400), f"PNG of {png_size(png)} pixels")
    said = case.run("show", path, "--event", 3, "--output", case.folder / "event.pdf")
    said.ends("usage").complains("event.pdf", ".svg")


def case_show_draws_waveforms_of_raw_data(case):
    night = case.simulated()
    raw = night.raw(1, 0)
    svg = case.folder / "raw.svg"
    said = case.run("show", raw, "--event", 1, "--pixel", 7, 1854, "--output", svg, "--json")
    facts = json.loads(said.ends("done").out)
    expect(facts["event"]["event_id"] == 1 and facts["event"]["unit"] == "ADC counts", f"{facts}")
    drawn = svg.read_text("utf-8")
    expect(drawn.count("<title>pixel 7</title>") == 2, "a line for each gain of pixel 7")
    expect("high gain" in drawn and "low gain" in drawn and "pixel 1854" in drawn, "labels")
    case.run("show", raw, "--event", 1, "--pixel", 1855, "--output", svg).ends("usage")
    said = case.run("show", raw, "--event", 987654, "--output", svg).ends("missing input")
    said.complains(raw, "987654")
    case.run("show", raw, "--pixel", 3).ends("usage").complains("--output")


def case_show_interleaved_of_lstchain(case):
    path = reference("dl1/interleaved", "interleaved_LST-1.Run11220.0000.h5")
    png = case.folder / "pedestal.png"
    said = case.run("show", path, "--event", 2, "--output", png, "--json").ends("done")
    facts = json.loads(said.out)
    expect(facts["event_types"] == {"flatfield": 16, "pedestal": 14}, f"{facts}")
    expect(facts["event"]["event_type"] == "pedestal" and facts["samples"] == 36, f"{facts}")
    expect(png_size(png)[0] == 1600, "no drawing")
    case.run("show", path, "--event", 3).ends("missing input").complains(path, "3")


def case_show_muons_and_checks_of_lstchain(case):
    path = reference("dl1", "muons_LST-1.Run11220.0000.fits")
    facts = json.loads(case.run("show", path, "--json").ends("done").out)
    expect(facts["rings"] == 7 and facts["run"] == 11220 and facts["subrun"] == 0, f"{facts}")
    radius = {q["name"]: q["mean"] for q in facts["quantities"]}["ring_radius"]
    expect(abs(radius - 1.0497) < 1e-3, f"mean radius {radius}")
    path = reference("images", "datacheck_dl1_LST-1.Run03002.0000.h5")
    facts = json.loads(case.run("show", path, "--json").ends("done").out)
    counts = {"pedestals": 7, "flatfield": 9, "cosmics": 284}
    expect(facts["event_types"] == counts and facts["subruns"] == 1, f"{facts}")
    case.run("show", path).ends("done").says("pedestal [p.e.]", "2.4728", "63.025")
    case.run("show", path, "--event", 1).ends("usage").complains(path, "images")


def case_show_run_summary_and_provenance(case):
    shared = reference().parents[1]
    path = shared / "data/night/monitoring/RunSummary/RunSummary_20221215.ecsv"
    facts = json.loads(case.run("show", path, "--json").ends("done").out)
    expect([run["type"] for run in facts["runs"]] == ["DRS4", "PEDCALIB", "DATA"], f"{facts}")
    path = shared / "data/lstosa_provenance/r0_to_dl1_01807_prov.json"
    facts = json.loads(case.run("show", path, "--json").ends("done").out)
    activities = {"dl1_datacheck": 1, "dl1ab": 1, "r0_to_dl1": 1}
    expect(facts["activities"] == activities and facts["entity"] == 38, f"{facts}")
    path = shared / "data/lstosa_provenance/prov.log"
    facts = json.loads(case.run("show", path, "--json").ends("done").out)
    expect(facts["level"] == "provenance journal" and facts["records"] > 700, f"{facts}")


def case_show_our_products(case):
    """What our files say of themselves: who made them, from what, with which configuration."""
    deep = case.folder / "deep.json"
    deep.write_text("[" * 200000 + "]" * 200000, "utf-8")
    case.run("show", deep).ends("bad input").complains("deep.json", "nested")
    night = case.simulated()
    folder = case.folder / "DL1"
    case.run(*night.stage_words(folder), "--interleaved").ends("done")
    products = sorted(folder.rglob("*LST-1.Run*"))
    expect(len(products) >= 4, f"DL1, interleaved, muons, data check: {products}")
    for name in products:
        facts = json.loads(case.run("show", name, "--json").ends("done").out)
        expect(facts["made_by"].get("software", "").startswith("alisio"), f"{name}: {facts['made_by']}")
        expect(facts["run"] == night.run_number, f"{name}: {facts['run']}")
