"""Bad input: one clear message naming the file, a documented exit code, nothing half made."""

import ctypes
import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

from harness import (
    CARD,
    EXIT,
    Skipped,
    changed,
    edit,
    expect,
    expect_no_fragments,
    fits_units,
    flip_byte,
    replace_file,
    unit_named,
)

SMALL_MODELS = Path(__file__).resolve().parents[2] / "cfg/models/simulated.forest"


def refuse(case, words, reason, *told):
    """Run r0-to-dl1 and expect that it ends for this reason and leaves no product."""
    output = words[words.index("--output-dir") + 1]
    said = case.run(*words).ends(reason).complains(*told)
    left = list(output.rglob("*.h5")) if output.exists() else []
    expect(not left, f"products of a failed job: {left}")
    if output.exists():
        expect_no_fragments(output)
    return said


def expect_one_failed(night, name):
    """Process a night and expect that subrun 1 alone fails, for a reason that names the file."""
    night.process().ends("incomplete").says(name, "1 done, 1 failed")
    expect(len(night.products("DL1")) == 1 and len(night.products("DL2")) == 1, "wrong products")
    night.product("DL1", 0)
    night.product("DL2", 0)
    expect_no_fragments(night.folder)


def case_flipped_byte(case):
    """A flipped byte fails its subrun alone; with the file restored only that is made."""
    night = case.simulated()
    raw = night.raw(3, 1)
    whole = raw.read_bytes()
    _, data, size, _ = unit_named(whole, "Events")
    flip_byte(raw, data + size // 2)
    expect_one_failed(night, raw.name)
    kept = night.state_of_products()
    replace_file(raw, whole)
    night.process().ends("done")
    night.expect_complete()
    after = night.state_of_products()
    expect(all(after[path] == kept[path] for path in kept), "the sound subrun was made again")


def case_flipped_bytes_everywhere(case):
    """Wherever a byte of the data flips, the job refuses; in a header, it may not matter."""
    night = case.simulated()
    words = night.stage_words(case.folder / "out")
    raw = night.raw(2, 0)
    whole = raw.read_bytes()
    places = [len(whole) * i // 12 + 7 for i in range(12)]
    places += [unit[1] + 40 for unit in fits_units(whole) if unit[2]]
    units = fits_units(whole)
    for place in places:
        flip_byte(raw, place)
        said = case.run(*words)
        expect(said.code in (0, EXIT["bad input"]), f"byte {place} flipped:\n{said}")
        in_data = any(data <= place < data + size for _, data, size, _ in units)
        expect(said.code != 0 or not in_data, f"byte {place} of the data flipped unnoticed:\n{said}")
        made = list((case.folder / "out").glob("*.h5"))
        if said.code != 0:
            said.complains(raw.name)
            expect(not made, f"byte {place} flipped, failed and left {made}")
        for path in made:
            path.unlink()
        replace_file(raw, whole)


def case_truncated_raw(case):
    night = case.simulated()
    raw = night.raw(1, 1)
    whole = raw.read_bytes()
    for part in (0.0, 0.0001, 0.3, 0.999):
        replace_file(raw, whole[: int(len(whole) * part)])
        refuse(case, night.stage_words(case.folder / "out", 1), "bad input", raw.name)
    expect_one_failed(night, raw.name)


def case_missing_stream(case):
    night = case.simulated()
    night.raw(2, 1).unlink()
    words = night.stage_words(case.folder / "out", 1)
    refuse(case, words, "missing input", night.raw(2, 1).name, "stream 2")
    expect_one_failed(night, night.raw(2, 1).name)


def case_missing_raw(case):
    night = case.simulated()
    words = night.stage_words(case.folder / "out", 9)
    refuse(case, words, "missing input", night.raw(1, 9).name)


def case_missing_table(case):
    night = case.simulated()
    raw = night.raw(1, 0)
    edit(raw, b"EXTNAME = 'CameraConfig'", b"EXTNAME = 'CameraConfus'")
    refuse(case, night.stage_words(case.folder / "out"), "bad input", raw.name)
    whole = night.raw(4, 1).read_bytes()
    start = unit_named(whole, "Events")[0]
    replace_file(night.raw(4, 1), whole[:start])
    words = night.stage_words(case.folder / "out", 1)
    refuse(case, words, "bad input", night.raw(4, 1).name, "Events")


def case_missing_column(case):
    night = case.simulated()
    raw = night.raw(1, 0)
    whole = raw.read_bytes()
    start, data, _, _ = unit_named(whole, "Events")
    header = whole[start:data]
    number = header[: header.index(b"= 'event_id'")].rstrip()[-2:].strip(b"E").decode()
    field = header.index(f"TPBID{number}".encode())
    card = header[field : field + CARD]
    other = card[: card.index(b"'")] + b"'999'".ljust(CARD - card.index(b"'"))
    renamed = header.replace(card, other).replace(b"= 'event_id'", b"= 'event_no'")
    replace_file(raw, whole[:start] + renamed + whole[data:])
    words = night.stage_words(case.folder / "out")
    refuse(case, words, "bad input", raw.name, "Events", f"field {number}")


def case_not_a_raw_file(case):
    night = case.simulated()
    replace_file(night.raw(1, 0), b"these are not the bytes of a raw file\n" * 100)
    words = night.stage_words(case.folder / "out")
    refuse(case, words, "bad input", night.raw(1, 0).name)


def case_wrong_constants(case):
    """Constants of another kind, damaged or absent."""
    night = case.simulated()
    words = night.stage_words(case.folder / "out")
    files = {
        option: words[words.index(option) + 1]
        for option in ("--drs4-pedestal", "--calibration", "--time-calibration")
    }
    for option, other in (
        ("--drs4-pedestal", "--calibration"),
        ("--calibration", "--drs4-pedestal"),
        ("--time-calibration", "--calibration"),
    ):
        refuse(case, changed(words, option, files[other]), "bad input", files[other].name)
    for option, file in files.items():
        absent = case.folder / "absent.h5"
        refuse(case, changed(words, option, absent), "missing input", absent)
        for name, content in (
            ("empty.h5", b""),
            ("text.h5", b"not HDF5\n"),
            ("short.h5", file.read_bytes()[: file.stat().st_size // 2]),
        ):
            broken = case.folder / name
            broken.write_bytes(content)
            refuse(case, changed(words, option, broken), "bad input", name)


def case_wrong_models(case):
    night = case.simulated()
    words = [*night.stage_words(case.folder / "out"), "--dl2", "--models"]
    absent = case.folder / "absent.forest"
    refuse(case, [*words, absent], "missing input", absent)
    broken = case.folder / "broken.forest"
    broken.write_bytes(b"not a forest\n" * 10)
    case.run(*words, broken).ends("bad input").complains(broken.name)


def limit_file_size(limit):
    """Return what makes writes beyond `limit` bytes fail, as on a full disk."""

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return limited


def case_file_too_large(case):
    """Products that do not fit: exit code 6, nothing with a final name, nothing else harmed."""
    night = case.simulated()
    output = case.folder / "out"
    words = night.stage_words(output)
    for limit in (1000, 100_000):
        # Without restore_signals the child inherits that SIGXFSZ is ignored, so that writes fail
        # instead of killing it.
        said = case.run(*words, preexec_fn=limit_file_size(limit), restore_signals=False)
        said.ends("resource")
        expect(not list(output.rglob("*.h5")), f"a product that does not fit was published:\n{said}")
        expect_no_fragments(output)
    case.run(*words).ends("done")


def case_full_disk(case):
    """A night on a full disk: exit code 7 or 6, no product, and complete once there is room."""
    night = case.simulated()
    disk = case.folder / "disk"
    disk.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(disk), b"tmpfs", 0, b"size=400k") != 0:
        raise Skipped(f"no small disk can be mounted: {os.strerror(ctypes.get_errno())}")
    try:
        replace_file(
            night.config,
            night.config.read_bytes().replace(b"products: .", b"products: " + bytes(disk)),
        )
        said = night.process()
        expect(said.code in (6, 7), f"expected exit code 6 or 7:\n{said}")
        expect("space" in said.out + said.err, f"the full disk is not named:\n{said}")
        products = list(disk.rglob("dl1_*.h5"))
        expect(len(products) < 2, f"the products do not fit, but are there: {products}")
        expect_no_fragments(disk)
        expect(
            libc.mount(b"tmpfs", bytes(disk), b"tmpfs", 32, b"size=200m") == 0, "cannot be resized"
        )
        night.process().ends("done")
        expect(len(list(disk.rglob("dl1_*.????.h5"))) == 2, "with room, not all was made")
    finally:
        libc.umount2(bytes(disk), 2)


def case_folder_not_writable(case):
    """The output folder is a file."""
    night = case.simulated()
    output = case.folder / "out"
    output.write_text("in the way\n", "utf-8")
    case.run(*night.stage_words(output)).ends("resource").complains(output)
    expect(output.read_text("utf-8") == "in the way\n", "what was in the way is gone")


def case_interrupted_job(case):
    """A job that is told to stop ends with code 130, leaves a record and nothing half made."""
    night = case.simulated(events=400)
    output, report = case.folder / "out", case.folder / "report.json"
    first = case.folder / "whole"
    case.run(*night.stage_words(first)).ends("done")
    (dl1,) = first.glob("dl1_*.h5")
    second = ["dl1ab", "--input", dl1, "--output-dir", output]
    for words, number in ((night.stage_words(output), signal.SIGTERM),
                          (night.stage_words(output), signal.SIGINT), (second, signal.SIGTERM)):
        command = [case.alisio, *words, "--report", report]
        process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while not list(output.glob(".*.part-*")) and process.poll() is None:
            expect(time.monotonic() < end, "no product is begun")
            time.sleep(0.002)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        expect(process.returncode == EXIT["interrupted"], f"code {process.returncode}: {said}")
        expect(f"signal {int(number)}" in said, f"the signal is not named: {said}")
        expect_no_fragments(output)
        expect(not list(output.glob("*.h5")), "a product of an interrupted job")
        (activity,) = json.loads(report.read_text("utf-8"))["activities"]
        expect(activity["status"] == "failed" and activity["exit_code"] == 130, f"{activity}")
        report.unlink()
    case.run(*night.stage_words(output)).ends("done")


def case_cut_product(case):
    """A product cut by --max-events says so, and replaces nothing unless told to."""
    night = case.simulated()
    output = case.folder / "out"
    words = night.stage_words(output)
    case.run(*words).ends("done")
    (product,) = output.glob("dl1_*.h5")
    whole = product.read_bytes()
    said = case.run(*words, "--max-events", 5).ends("usage")
    said.complains(product.name, "5 events", "--overwrite")
    expect(product.read_bytes() == whole, "a whole product was replaced by a part")
    expect_no_fragments(output)
    case.run(*words, "--max-events", 5, "--overwrite").ends("done")
    case.run("show", product).ends("done").says("at most 5 events")
    # What is made of it is no more whole than it is.
    for start, name in ((["dl1-to-dl2", "--models", SMALL_MODELS], "dl2_"), (["dl1ab"], "dl1_"),
                        (["merge"], "dl1_")):
        made = case.folder / start[0]
        call = [*start, "--input", product, "--output-dir", made]
        case.run(*call).ends("done")
        (file,) = made.glob(f"{name}*.h5")
        case.run("show", file).ends("done").says("at most 5 events")
        case.run(*call).ends("usage").complains(file.name, "5 events", "--overwrite")
    facts = json.loads(case.run("show", "--json", product).ends("done").out)
    expect(facts["made_by"]["max_events"] == "5", f"the cut is not told: {facts['made_by']}")
    case.run(*words).ends("done")
    facts = json.loads(case.run("show", "--json", product).ends("done").out)
    expect(facts["events"] == 40 and "max_events" not in facts["made_by"], f"still cut: {facts}")


def case_wrong_values(case):
    """Keys said twice, negative numbers, and productions that leave their folder."""
    night = case.simulated()
    words = night.stage_words(case.folder / "out")
    config = case.folder / "own.yaml"
    for text, line, told in (
        ("tailcut:\n  picture_thresh: 8\n  picture_thresh: 6\n", 3, "twice"),
        ("telescope: 1\ntailcut:\n  boundary_thresh: -4\n", 3, "at least 0"),
        ("tailcut:\n  min_number_picture_neighbors: 7\n", 2, "between 0 and 6"),
    ):
        config.write_text(text, "utf-8")
        said = case.run(*words, "--config", config).ends("configuration")
        said.complains(f"{config}:{line}", told)
    said = case.run(*words, "--set", "tailcut.picture_thresh=-1").ends("configuration")
    said.complains("picture_thresh", "at least 0")
    said = case.run(*words, "--set", "nope=3").ends("configuration")
    said.complains("nope")
    expect(len(said.err) < 300, f"a message too long to read:\n{said}")
    for prod_id in ("a/../../b", "..", "a b", "../x"):
        case.run(*words, "--prod-id", prod_id).ends("usage").complains(prod_id)


def case_absent_among_many(case):
    """An absent input is told before the others are worked on."""
    night = case.simulated()
    dl1, dl2 = case.folder / "dl1", case.folder / "dl2"
    case.run(*night.stage_words(dl1)).ends("done")
    (product,) = dl1.glob("dl1_*.h5")
    absent = case.folder / "dl1_LST-1.Run00001.0000.h5"
    words = ["dl1-to-dl2", "--input", product, absent, "--output-dir", dl2]
    said = case.run(*words, "--models", SMALL_MODELS).ends("missing input")
    said.complains(absent.name)
    expect(not list(dl2.rglob("*.h5")), "the first input was processed")


def case_log_level_in_json(case):
    """A complaint about the log level has the format that was asked for."""
    said = case.run("--log-format", "json", "--log-level", "loud", "show", "x").ends("usage")
    line = json.loads(said.err)
    expect(line["level"] == "error" and "loud" in line["message"], f"{said}")


def case_simulation_faults(case):
    """Runs and faults that do not fit are refused before anything is written."""
    output = case.folder / "night"
    for words, told in (
        (("--fault", "11230=lamp-off"), "11230"),
        (("--fault", "11218=lamp-off"), "DRS4"),
        (("--fault", "11219=lamp-of"), "lamp-off"),
        (("--fault", "lamp-off"), "RUN=FAULT"),
        (("--preprocessed", "baseline"), "r1v1"),
        (("--preprocessed", "pe", "--format", "r1v1"), "spikes"),
        (("--with-constants", "--without-constants"), "exclude"),
    ):
        case.run("simulate", "--output", output, *words).ends("usage").complains(told)
        expect(not output.exists(), f"{words} wrote something")
