"""Closing a night: seal, verification, reopening, interruption."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import DATE, EXIT, Skipped, expect, expect_no_fragments, one_file, replace_file

MODELS = Path(__file__).resolve().parents[2] / "cfg/models/simulated.forest"


def closed_night(case, linked_to=None, **options):
    """Simulate, process and close a night, DL1 on another disk if there is one."""
    night = case.simulated(**options)
    if linked_to:
        linked_to.mkdir(parents=True)
        (night.folder / "DL1").symlink_to(linked_to)
    night.process().ends("done")
    case.run("close", DATE, "--config", night.config).ends("done").says("is closed")
    return night


def seal_of(night):
    return one_file(night.folder / "seals", "seal_*.json")


def case_close(case):
    """A night is closed, verified, left alone, reopened with a reason; provenance tells of it."""
    night = closed_night(case)
    seal = json.loads(seal_of(night).read_text("utf-8"))
    sealed = {item["path"] for item in seal["products"]}
    for product in night.all_products():
        expect(str(product.relative_to(night.folder)) in sealed, f"{product} is not sealed")
    before = night.state_of_products()
    night.process("--pass").ends("done").says("is closed since")
    expect(night.state_of_products() == before, "a pass touched a closed night")
    case.run("verify-seal", DATE, "--config", night.config).ends("done").says("holds")
    flag = one_file(night.folder / "OSA", "NightFinished.txt")
    expect("2 of 2 subruns" in flag.read_text("utf-8"), flag.read_text("utf-8"))
    run = f"{night.run_number:05d}"
    one_file(night.folder / "running_analysis", f"sequence_LST1_{run}.closed")
    case.run("prov", "show", seal_of(night), "--config", night.config).ends("done").says(
        "close_night"
    )
    case.run("reopen", DATE, "--config", night.config).ends("usage").says("reason")
    case.run("reopen", DATE, "--config", night.config, "--reason", "late data").ends("done")
    expect(not flag.exists(), "LSTOSA would take the night for closed")
    case.run("prov", "find", "--activity", "reopen_night", "--config", night.config).ends("done")
    night.process("--pass").ends("done").says("is closed: ")
    expect(len(list((night.folder / "seals").rglob("seal_*.json"))) == 2, "one seal a closing")


def case_closed_nights_are_not_written_into(case):
    """Commands given by hand do not replace what a seal vouches for, wherever a level stands."""
    night = closed_night(case, linked_to=case.folder / "disk2/DL1")
    product = night.product("DL1", 0)
    before = night.state_of_products()
    merge = ["merge", "--config", night.config, "--input", product, night.product("DL1", 1)]
    for words in (["report", DATE, "--config", night.config],
                  [*merge, "--output-dir", product.parent, "--overwrite"]):
        case.run(*words).ends("usage").complains("is sealed", f"alisio reopen {DATE}")
    # Wherever the input is, and whatever night its folder names.
    scratch = case.folder / "20200101"
    scratch.mkdir()
    copy = shutil.copy(product, scratch)
    case.run("dl1-to-dl2", "--config", night.config, "--input", copy, "--models", MODELS, "--output-dir",
             night.product("DL2", 0).parent).ends("usage").complains("is sealed")
    # With a report, which jobs of passes write, and without the configuration that names the state.
    case.run(*merge, "--output-dir", product.parent, "--overwrite", "--report", case.folder / "r.json").ends(
        "usage").complains("is sealed")
    case.run("dl1-to-dl2", "--input", copy, "--models", MODELS, "--output-dir",
             night.product("DL2", 0).parent).ends("usage").complains("is sealed")
    document = next(path for name, path in night.documents().items()
                    if name == f"r0_to_dl1_{night.run_number:05d}_prov.json")
    tell = ["prov", "merge", "--journals", document.parent / "journal", "--stage", "r0_to_dl1", "--run",
            night.run_number, "--output-dir"]
    told = document.read_bytes()
    case.run(*tell, document.parent, "--short").ends("usage").complains("is sealed")
    expect(document.read_bytes() == told, "a sealed document was replaced")
    case.run(*tell, case.folder / "short", "--short").ends("done")
    expect(night.state_of_products() == before, "a sealed product was replaced")
    case.run("verify-seal", DATE, "--config", night.config).ends("done")
    case.run(*merge, "--output-dir", case.folder / "elsewhere").ends("done")


def case_tampered_product(case):
    """What was changed after the sealing is named, though size and time are as they were."""
    night = closed_night(case)
    product = night.product("DL2", 1)
    stat = product.stat()
    content = bytearray(product.read_bytes())
    content[-1] ^= 1
    replace_file(product, bytes(content))
    os.utime(product, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    case.run("verify-seal", DATE, "--config", night.config).ends("incomplete").says(
        product.name, "content differs"
    )
    seal = seal_of(night)
    replace_file(seal, seal.read_bytes().replace(b'"forced": false', b'"forced": true '))
    case.run("verify-seal", DATE, "--config", night.config).ends("incomplete").says(
        "not the one that was recorded"
    )


def case_signed_seal(case):
    """A seal is signed if a key is configured, and OpenSSL alone can tell that it is."""
    if shutil.which("openssl") is None:
        raise Skipped("openssl is not installed")
    night = case.simulated()
    key, public, other = (night.folder / name for name in ("key.pem", "pub.pem", "other.pem"))
    for private, open_key in ((key, public), (night.folder / "key2.pem", other)):
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", open_key], check=True)
    text = night.config.read_bytes()
    replace_file(night.config, text + b"closing:\n  key: key.pem\n")
    night.process().ends("done")
    case.run("close", DATE, "--config", night.config).ends("done").says("signed with key")
    seal = seal_of(night)
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-in", seal]
        + ["-sigfile", f"{seal}.sig"],
        check=True,
        capture_output=True,
    )
    case.run("verify-seal", "--seal", seal, "--public-key", public).ends("done")
    case.run("verify-seal", "--seal", seal, "--public-key", other).ends("incomplete").says(
        "another key"
    )
    replace_file(night.config, text + b"closing:\n  key: absent.pem\n")
    case.run("reopen", DATE, "--config", night.config, "--reason", "x").ends("done")
    case.run("close", DATE, "--config", night.config).ends("configuration").says("genpkey")


def case_bad_subrun_closes(case):
    """A run with a bad subrun closes, and that subrun is named; policy can keep it open."""
    night = case.simulated()
    replace_file(night.raw(1, 1), b"no raw data")
    text = night.config.read_bytes()
    replace_file(night.config, text + b"closing:\n  allowed_missing_subruns: 40 %\n")
    night.process("--pass").ends("incomplete")
    said = case.run("close", DATE, "--config", night.config).ends("incomplete")
    said.says(f"run {night.run_number:05d} lacks 1 of its 2 subruns")
    replace_file(night.config, text + b"closing:\n  allowed_missing_subruns: 1\n")
    case.run("close", DATE, "--config", night.config).ends("done").says(
        f"without {night.run_number:05d}.0001"
    )
    seal = json.loads(seal_of(night).read_text("utf-8"))
    expect(seal["runs"][0]["missing"][0]["subrun"] == 1, f"{seal['runs']}")
    case.run("verify-seal", DATE, "--config", night.config).ends("done")


def case_merged_files_left_behind(case):
    """What was merged of a subrun that was discarded since is not sealed, though nothing merges now."""
    night = case.simulated()
    night.process().ends("done")
    text = night.config.read_bytes()
    replace_file(night.config, text + b"steps:\n  merge: false\n")
    night.process().ends("done")
    words = ("discard", f"{night.run_number}.0000", DATE, "--reason", "clouds", "--config", night.config)
    case.run(*words).ends("done")
    said = night.process().ends("done").says("was discarded since", "merge_dl1", "steps.*")
    expect("dl2_LST-1" in said.out and "muons" in said.out and "datacheck" in said.out, f"{said}")
    case.run("status", DATE, "--config", night.config).ends("done").says("was discarded since")
    case.run("close", DATE, "--config", night.config).ends("done").says("not sealed: ", "merge_dl2")
    seal = json.loads(seal_of(night).read_text("utf-8"))
    sealed = {item["path"].rpartition("/")[2] for item in seal["products"]}
    run = f"{night.run_number:05d}"
    expect(f"dl1_LST-1.Run{run}.0001.h5" in sealed, f"the good subrun is not sealed: {sealed}")
    for name in (f"dl1_LST-1.Run{run}.h5", f"dl2_LST-1.Run{run}.h5", f"muons_LST-1.Run{run}.fits",
                 f"datacheck_dl1_LST-1.Run{run}.h5", f"muons_LST-1.{DATE}.fits"):
        expect(name not in sealed, f"{name} is sealed and holds a discarded subrun")
        expect(any(name in line for line in seal["not_sealed"]), f"{name}: {seal['not_sealed']}")
    case.run("verify-seal", DATE, "--config", night.config).ends("done")
    case.run("reopen", DATE, "--config", night.config, "--reason", "merge again").ends("done")
    replace_file(night.config, text)
    said = night.process().ends("done")
    expect("is not current" not in said.out, f"{said}")


def case_merged_files_of_old_settings(case):
    """What was merged of DL1 that was made with other settings since is not sealed."""
    night = case.simulated()
    night.process().ends("done")
    replace_file(night.config, night.config.read_bytes()
                 + b"steps:\n  merge: false\ntailcut:\n  picture_thresh: 9\n")
    night.process().ends("done").says("was made anew since", f"dl1_LST-1.Run{night.run_number:05d}.h5")
    case.run("close", DATE, "--config", night.config).ends("done").says("not sealed: ", "merge_dl1")


def case_closed_night_that_lacks_a_subrun(case):
    """Whoever looks at a night that closed without a subrun is told so, and by the exit code."""
    night = case.simulated()
    run = f"{night.run_number:05d}"
    for stream in range(1, 5):
        night.raw(stream, 1).unlink()
    night.process("--pass").ends("incomplete").says("is closed: ", f"without {run}.0001")
    lacks = f"without {run}.0001: there are no raw files"
    for words in (("night", DATE), ("night", DATE, "--pass"), ("reprocess", DATE)):
        case.run(*words, "--config", night.config).ends("incomplete").says(lacks)
    case.run("status", DATE, "--config", night.config).ends("incomplete").says("subrun 0001")
    case.run("close", DATE, "--config", night.config).ends("done").says(lacks)
    for words in (("night", DATE), ("close", DATE)):
        told = json.loads(case.run(*words, "--json", "--config", night.config).out)
        expect(f"{run}.0001" in str(told.get("missing") or told["closed"]["missing"]), f"{told}")
    for command in ("night", "reprocess"):
        case.run(command, DATE, "--plan", "--config", night.config).ends("done").says(
            "is closed since", f"`alisio reopen {DATE}` opens it"
        )


def case_killed_closing(case):
    """Closing is killed again and again, and two close at once: one seal comes of it."""
    night = case.simulated()
    night.process().ends("done")
    words = [case.alisio, "close", DATE, "--config", str(night.config)]
    closed = False
    for step in range(12):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.02 + 0.02 * step)
        process.send_signal(signal.SIGKILL)
        closed = process.wait() == 0 or closed
    both = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in (1, 2)]
    codes = sorted(process.wait() for process in both)
    expect(codes in ([0, 0], [0, EXIT["resource"]]), f"two at once ended with {codes}")
    case.run("verify-seal", DATE, "--config", night.config).ends("done")
    seal_of(night)
    night.process("--pass").ends("done").says("is closed since")


def case_closing_is_told_to_stop(case):
    """A signal while a night is sealed waits for the end and what is said of it; people hear of it."""
    night = case.simulated()
    heard = case.folder / "heard"
    config = night.config.read_text("utf-8")
    night.config.write_text(config + f"notify: {{command: 'cat >> {heard}'}}\nclosing: {{auto: false}}\n",
                            "utf-8")
    night.process().ends("done")
    heard.unlink(missing_ok=True)
    words = [case.alisio, "close", DATE, "--config", str(night.config)]
    told = []
    for step in range(6):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.02 + 0.04 * step)
        process.send_signal(signal.SIGTERM)
        out = process.communicate()[0]
        closed = list(night.folder.rglob("NightFinished.txt"))
        expect(bool(closed) == ("closed" in out), f"it says '{out}', and there is {closed}")
        expect_no_fragments(night.folder)
        told.append(out)
        if closed:
            break
    case.run(*words[1:]).ends("done")
    again = json.loads(case.run(*words[1:], "--json").ends("done").out)
    expect(again["closed"] and again["seal"]["number"] == 1, f"{again}")
    night.process("--pass").ends("done")
    lines = [json.loads(line) for line in heard.read_text("utf-8").splitlines()]
    kinds = [line.get("event") or line.get("kind") for line in lines]
    expect(kinds.count("night_closed") == 1, f"told: {kinds}")


def case_archive(case):
    """An archived night is whole, holds its seal, and its lineage answers there without the first."""
    night = closed_night(case)
    to = case.folder / "archive"
    words = ("archive", DATE, "--to", to, "--config", night.config)
    case.run(*words).ends("done").says("0 there already, 0 not archived")
    case.run(*words).ends("done").says("0 files copied")
    # Journals grow: what people say of a closed night reaches the archive too.
    note = ("prov", "note", night.product("DL2", 0), "the moon was up", "--config", night.config)
    for _ in range(2):
        case.run(*note).ends("done")
        case.run(*words).ends("done").says("1 file copied")
    product = night.product("DL2", 0)
    copy = to / product.relative_to(night.folder)
    expect(copy.read_bytes() == product.read_bytes(), "the copy differs")
    copy.unlink()
    damaged = to / night.product("DL1", 0).relative_to(night.folder)
    replace_file(damaged, b"something else")
    case.run(*words).ends("incomplete").says("1 file copied", damaged.name, "was left")
    expect(damaged.read_bytes() == b"something else", "what was there was overwritten")
    damaged.unlink()
    case.run(*words).ends("done")
    raw = night.raw(1, 0).name
    night.folder.rename(case.folder / "gone")
    seal = one_file(to / "seals", "seal_*.json")
    case.run("verify-seal", "--seal", seal, "--root", to).ends("done").says("holds")
    case.run("prov", "index", "--config", to / "archive.yaml").ends("done")
    expect(f'- "{night.folder.resolve()}"' in (to / "archive.yaml").read_text("utf-8"), "roots are not quoted")
    said = case.run("prov", "show", copy, "--lineage", "--config", to / "archive.yaml").ends("done")
    said.says("dl1_to_dl2", "r0_to_dl1", raw, copy)
    told = [line for line in said.out.splitlines() if not line.startswith("command ")]
    expect(not any(str(night.folder) in line for line in told), f"the old root is told:\n{said}")


def case_archive_of_a_damaged_night(case):
    """What is not as it was sealed does not reach the archive, and a night without seal neither."""
    night = case.simulated()
    night.process().ends("done")
    words = ("archive", DATE, "--to", case.folder / "archive", "--config", night.config)
    case.run(*words).ends("missing input").says("no seal")
    case.run("close", DATE, "--config", night.config).ends("done")
    product = night.product("DL1", 1)
    replace_file(product, product.read_bytes()[:-1] + b"?")
    case.run(*words).ends("incomplete").says(product.name, "not what was sealed")
    expect(not (case.folder / "archive" / product.relative_to(night.folder)).exists(), "was copied")
    for inside in (night.folder, night.folder / "DL1" / "archive"):
        case.run("archive", DATE, "--to", inside, "--config", night.config).ends("usage").complains(
            "a root of its own"
        )
    expect(not (night.folder / "DL1/archive").exists(), "it was made")


def case_all_seals(case):
    """All seals of a production are checked at once, and the chain from end to end."""
    night = closed_night(case)
    words = ("verify-seal", "--all", "--config", night.config)
    case.run("verify-seal", DATE, "--all", "--config", night.config).ends("usage").complains("--all")
    for reason in ("late data", "later data"):
        case.run("reopen", DATE, "--config", night.config, "--reason", reason).ends("done")
        case.run(*words).ends("done").says("the night is open again")
        case.run("close", DATE, "--config", night.config).ends("done")
    case.run(*words).ends("done").says("3 of 3 seals hold", "the chain is whole", "seal 3 replaces it")
    case.run(*words, "--prod-id", "other").ends("missing input").complains("no seals")
    seals = sorted((night.folder / "seals").rglob("seal_*.json"))
    told = json.loads(case.run(*words, "--json", "--fast").ends("done").out)
    expect([seal["number"] for seal in told["seals"]] == [1, 2, 3] and told["holds"], f"{told}")

    product = night.product("DL2", 0)
    whole = product.read_bytes()
    replace_file(product, whole[:-1] + b"?")
    case.run(*words).ends("incomplete").says("2 of 3 seals hold", product.name)
    replace_file(product, whole)
    first = seals[0].read_bytes()
    replace_file(seals[0], first.replace(b'"forced": false', b'"forced": true '))
    case.run(*words).ends("incomplete").says(f"{seals[0].name}: altered", "not the one that was recorded")
    replace_file(seals[0], first)
    fork = seals[1].with_name(seals[1].name.replace("20240115", "20240116"))
    fork.write_bytes(seals[1].read_bytes())
    case.run(*words).ends("incomplete").says("a fork")
    fork.unlink()
    for lost in seals[1:]:
        aside = lost.with_suffix(".aside")
        lost.rename(aside)
        case.run(*words).ends("incomplete").says(f"seal {1 + seals.index(lost)}: missing", "is broken")
        aside.rename(lost)
    replace_file(seals[1], b"{}")
    case.run(*words).ends("incomplete").says("it is no seal")
