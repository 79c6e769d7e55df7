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
