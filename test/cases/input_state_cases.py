"""The states that raw data come in: how they are named, read and reduced to one gain."""

import json

from harness import changed, expect, expect_no_fragments, replace_file

DATA_RUN = 11220
CORRECTED = "baseline,time-lapse,spikes"


def expect_state(case, night, *state, made=2):
    """The program names the state of the data run, and makes its DL1."""
    case.run("show", night.raw(1, 0)).ends("done").says(*state)
    said = night.process("--plan").ends("done")
    lines = [line for line in said.out.splitlines() if f"run {DATA_RUN} " in line]
    expect(lines, f"the plan does not name the data run:\n{said}")
    for words in state:
        expect(words in lines[0], f"'{words}' is not in the plan: {lines[0]}")
    for subrun in range(made):
        output = case.folder / f"dl1_{subrun}"
        case.run(*night.stage_words(output, subrun)).ends("done")
        facts = rows_of(case, output, subrun)
        expect(len(facts["rows"]) == 40, f"{len(facts['rows'])} events")
        expect(any(row["intensity"] for row in facts["rows"]), "no event has an image")


def rows_of(case, output, subrun=0):
    product = output / f"dl1_LST-1.Run{DATA_RUN:05d}.{subrun:04d}.h5"
    said = case.run("show", product, "--json", "--rows", 40)
    return json.loads(said.ends("done").out)


def case_state_of_the_old_format(case):
    expect_state(case, case.simulated(), "ProtoR1, raw", made=1)


def case_state_of_raw_r1v1(case):
    expect_state(case, case.simulated(format="r1v1"), "R1v1, raw", made=1)


def case_state_corrected_by_the_event_builder(case):
    night = case.simulated(format="r1v1", preprocessed=CORRECTED)
    expect_state(case, night, "R1v1, raw", "event builder: baseline, time lapse, spikes", made=1)


def case_state_calibrated_and_gain_selected(case):
    night = case.simulated(format="r1v1", preprocessed=CORRECTED + ",pe,gain-selection")
    expect_state(
        case, night, "R1v1, gain-selected (R0G)", "p.e. calibration", "mono: gain selection"
    )


def gain_select(night, output, *more):
    return ["gain-select", "--input", night.raw(1, 0), "--output-dir", output, *more]


def case_gain_selection_is_read_again(case):
    """DL1 of gain-selected data is that of both gains, but for pixels near the threshold."""
    night = case.simulated(format="r1v1")
    output, report = case.folder / "r0g", case.folder / "report.json"
    case.run(*gain_select(night, output, "--report", report)).ends("done").says("40 events")
    names = {night.raw(stream, 0).name for stream in (1, 2, 3, 4)}
    expect({path.name for path in output.glob("*.fz")} == names, f"streams: {list(output.iterdir())}")
    outputs = json.loads(report.read_text("utf-8"))["activities"][0]["outputs"]
    expect({str(item["path"]).split("/")[-1] for item in outputs} == names, f"report: {outputs}")
    size = sum((output / name).stat().st_size for name in names)
    raw_size = sum(night.raw(stream, 0).stat().st_size for stream in (1, 2, 3, 4))
    expect(size < 0.75 * raw_size, f"{size} bytes of {raw_size}")
    selected = output / night.raw(1, 0).name
    case.run("show", selected).ends("done").says("R1v1, gain-selected (R0G)")

    words = night.stage_words(case.folder / "of_both")
    case.run(*words).ends("done")
    words = changed(words, "--input", selected)
    case.run(*changed(words, "--output-dir", case.folder / "of_one")).ends("done")
    both = rows_of(case, case.folder / "of_both")["rows"]
    one = rows_of(case, case.folder / "of_one")["rows"]
    expect(len(both) == len(one) == 40, f"{len(one)} of {len(both)} events")
    same = 0
    for a, b in zip(both, one):
        expect(a["event_id"] == b["event_id"], f"{a} is not {b}")
        expect(a["event_type"] == b["event_type"], f"{a} is not {b}")
        same += a == b
    expect(same >= 38, f"{same} of 40 events have the same parameters")


def case_gain_selection_on_threads(case):
    """The number of threads does not change a byte."""
    night = case.simulated(format="r1v1")
    for threads in (1, 4):
        output = case.folder / f"on_{threads}"
        case.run(*gain_select(night, output, "--threads", threads)).ends("done")
    for stream in (1, 2, 3, 4):
        name = night.raw(stream, 0).name
        first, second = (case.folder / folder / name for folder in ("on_1", "on_4"))
        expect(first.read_bytes() == second.read_bytes(), f"{name} differs")


def refuse(case, words, reason, *told):
    output = words[words.index("--output-dir") + 1]
    kept = sorted(output.iterdir()) if output.is_dir() else []
    case.run(*words).ends(reason).complains(*told)
    now = sorted(output.iterdir()) if output.is_dir() else []
    left = [path for path in now if path not in kept and path.suffix == ".fz"]
    expect(not left, f"products of a failed job: {left}")
    expect_no_fragments(case.folder)


def case_gain_selection_refuses_bad_input(case):
    night = case.simulated(format="r1v1")
    output = case.folder / "r0g"
    words = gain_select(night, output)
    refuse(case, changed(words, "--input", night.raw(1, 9)), "missing input", night.raw(1, 9).name)
    refuse(case, changed(words, "--output-dir", night.r0()), "usage", night.raw(1, 0).name)

    raw = night.raw(3, 0)
    whole = raw.read_bytes()
    for part in (0.0, 0.3, 0.999):
        replace_file(raw, whole[: int(len(whole) * part)])
        refuse(case, words, "bad input", raw.name)
    raw.unlink()
    refuse(case, words, "missing input", raw.name, "stream 3")
    replace_file(raw, whole)

    text = case.folder / "LST-1.1.Run00001.0000.fits.fz"
    text.write_text("not a table\n", "utf-8")
    refuse(case, changed(words, "--input", text), "bad input", text.name)
    occupied = case.folder / "occupied"
    occupied.write_text("a file\n", "utf-8")
    said = case.run(*changed(words, "--output-dir", occupied))
    expect(said.code != 0, f"a file is no folder:\n{said}")
    said.complains("occupied")

    case.run(*words).ends("done")
    again = changed(words, "--input", output / night.raw(1, 0).name)
    refuse(
        case, changed(again, "--output-dir", case.folder / "again"), "bad input", "gain-selected"
    )
    kept = [night.raw(stream, 0).exists() for stream in (1, 2, 3, 4)]
    expect(all(kept), "raw data are gone")


def case_gain_selection_refuses_the_old_format(case):
    night = case.simulated()
    words = gain_select(night, case.folder / "r0g")
    refuse(case, words, "bad input", night.raw(1, 0).name)


def case_lost_ucts_data_are_repaired(case):
    """Types and times are those of the same events without losses."""
    night = case.simulated(fault=[f"{DATA_RUN}=ucts-jumps"], events=100)
    words = night.stage_words(case.folder / "lossy")
    case.run(*words).ends("done").says("jumps of the UCTS clock repaired")
    whole = case.folder / "whole"
    case.run(
        "simulate", "--output", whole, "--date", "20240115", "--runs", 1, "--subruns", 2,
        "--events", 100, "--seed", 5,
    ).ends("done")  # fmt: skip
    raw = whole / "R0" / "20240115" / night.raw(1, 0).name
    words = changed(words, "--input", raw)
    case.run(*changed(words, "--output-dir", case.folder / "lossless")).ends("done")
    lossy = rows_of(case, case.folder / "lossy")
    lossless = rows_of(case, case.folder / "lossless")
    for key in ("event_types", "first_time_utc", "last_time_utc"):
        expect(lossy.get(key) == lossless.get(key), f"{key}: {lossy.get(key)}, {lossless.get(key)}")


def case_mistagged_pedestals_are_found(case):
    """Those that find-pedestals lists are pedestals; a list of another run is refused."""
    night = case.simulated(fault=[f"{DATA_RUN}=mistagged-pedestals"], events=120)
    words = night.stage_words(case.folder / "tagged")
    case.run(*words).ends("done")
    dl1 = case.folder / "tagged" / f"dl1_LST-1.Run{DATA_RUN:05d}.0000.h5"
    case.run(
        "find-pedestals", "--input", dl1, "--output-dir", case.folder,
        "--set", "find_pedestals.brightest_dropped=0",
    ).ends("done")  # fmt: skip
    ids = case.folder / f"pedestal_ids_Run{DATA_RUN:05d}.0000.h5"
    again = changed(words, "--output-dir", case.folder / "found")
    said = case.run(*again, "--pedestal-ids", ids).ends("done").says("became pedestals")
    before = rows_of(case, case.folder / "tagged")["event_types"]
    after = rows_of(case, case.folder / "found")["event_types"]
    expect(after["pedestal"] > before["pedestal"], f"{before}, {after}:\n{said}")
    expect(sum(after.values()) == 120, f"events are lost: {after}")

    # Of another subrun none is there: all that was tagged would be taken for physics.
    other = night.stage_words(case.folder / "other", 1)
    refuse(case, [*other, "--pedestal-ids", ids], "bad input", ids.name, f"{DATA_RUN:05d}.0001")
    unnamed = case.folder / "ids.h5"
    unnamed.write_bytes(ids.read_bytes())
    refuse(case, [*other, "--pedestal-ids", unnamed], "bad input", unnamed.name, "no pedestal")

    absent = case.folder / "absent.h5"
    refuse(case, [*again, "--pedestal-ids", absent], "missing input", absent.name)
    text = case.folder / "text.h5"
    text.write_text("not a table\n", "utf-8")
    refuse(case, [*again, "--pedestal-ids", text], "bad input", text.name)
    refuse(case, [*again, "--pedestal-ids", dl1], "bad input", "interleaved_pedestal_ids")
    renamed = case.folder / "r0"
    renamed.mkdir()
    for stream in (1, 2, 3, 4):
        raw = night.raw(stream, 0)
        (renamed / raw.name.replace("Run11220", "Run11221")).symlink_to(raw)
    foreign = changed(again, "--input", renamed / "LST-1.1.Run11221.0000.fits.fz")
    foreign = changed(foreign, "--output-dir", case.folder / "foreign")
    refuse(case, [*foreign, "--pedestal-ids", ids], "bad input", "11220", "11221")


def case_missing_modules_are_filled(case):
    night = case.simulated(fault=[f"{DATA_RUN}=missing-modules"])
    case.run(*night.stage_words(case.folder / "out")).ends("done")
    rows = rows_of(case, case.folder / "out")["rows"]
    expect(len(rows) == 40 and any(row["intensity"] for row in rows), f"{len(rows)} events")
