"""The known faults of earlier provenance systems, each as a check that ours does not have it.

One night with calibration, Cat-B, cleaning levels, re-cleaned DL1, DL2 and merges is processed; each
function below holds one fault against what was recorded and told of it.
"""

import json
import os
import pathlib
import pwd
import re
import shutil

from harness import DATE, expect, one_file, replace_file
from night_cases import RAW

PREFIX = "__PROV__"
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def records_in(path):
    return [json.loads(line.split(PREFIX)[2]) for line in path.read_text("utf-8").splitlines()]


class World:
    """A processed night, what was recorded, and what the documents tell."""

    def __init__(self, case, night):
        self.case, self.night, self.folder = case, night, night.folder
        self.run = night.run_number
        self.runs = (self.run, self.run + 1)
        self.journals = sorted(self.folder.rglob("log/journal/**/*.log"))
        self.records = [record for path in self.journals for record in records_in(path)]
        self.logs = sorted(path for path in self.folder.glob("DL?/*/*/log"))
        self.told = {}
        for log in self.logs:
            for path in log.glob("*_prov.json"):
                self.told[path.name] = json.loads(path.read_text("utf-8"))
        self.finely = self.merged("subruns", "--date", DATE, "--grain", "subrun")

    def merged(self, name, *words, journals=None):
        """Return the document that merging tells."""
        output = self.case.folder / name
        self.case.run("prov", "merge", "--journals", journals or self.folder, "--no-copies", "-o",
                      output, *words).ends("done")
        return json.loads(one_file(output, "*_prov.json").read_text("utf-8"))

    def of_run(self, stage, run=None):
        return self.told[f"{stage}_{run or self.run:05d}_prov.json"]

    @property
    def of_night(self):
        return self.told[f"night_{DATE}_prov.json"]

    def activities(self):
        return [record for record in self.records if "name" in record and "activity_id" in record]

    def stage_words(self, output, raw=None):
        """Return the arguments of r0-to-dl1 for subrun 0, with the constants of the night."""
        words = ["r0-to-dl1", "--input", raw or self.night.raw(1, 0), "--output-dir", output]
        for option, pattern in (("drs4-pedestal", "drs4_pedestal*.h5"),
                                ("calibration", "calibration_filters*.h5"),
                                ("time-calibration", "time_calibration*.h5"),
                                ("drive-log", "DrivePosition_log_*.txt"),
                                ("run-summary", "RunSummary_*.ecsv")):
            found = [path for path in (self.folder / "monitoring").rglob(pattern)
                     if path.parent.name != "log"]
            expect(len(found) == 1, f"{pattern}: {found}")
            words += [f"--{option}", found[0]]
        return words

    def stage(self, journal, *words, ends="done", raw=None, **options):
        """Run r0-to-dl1 on subrun 0 into a folder of its own and return its records."""
        folder = self.case.folder / journal
        self.case.run(*self.stage_words(folder / "out", raw), "--journal-dir", folder / "journal",
                      *words, **options).ends(ends)
        return [one for path in (folder / "journal").glob("*.log") for one in records_in(path)]


def labels(document):
    return {facts["prov:label"] for facts in document["activity"].values()}


def relations(document, name):
    return document.get(name, {}).values()


def sources_of(document, start):
    """Return all entities and activities that something came from."""
    back = {}
    for one in relations(document, "used"):
        back.setdefault(one["prov:activity"], set()).add(one["prov:entity"])
    for one in relations(document, "wasGeneratedBy"):
        back.setdefault(one["prov:entity"], set()).add(one["prov:activity"])
    for one in relations(document, "hadMember"):
        back.setdefault(one["prov:collection"], set()).add(one["prov:entity"])
    found, to_follow = set(), [start]
    while to_follow:
        for source in back.get(to_follow.pop(), ()):
            if source not in found:
                found.add(source)
                to_follow.append(source)
    return found


def entities(document, label):
    return {key: facts for key, facts in document["entity"].items() if facts["prov:label"] == label}


def paths_of(document, keys):
    return {document["entity"][key].get("filepath", "") for key in keys if key in document["entity"]}


# --- capture


def fault_1_dl2_not_captured(world):
    """The DL2 document tells of DL2, the DL1 document does not."""
    dl1, dl2 = world.of_run("r0_to_dl1"), world.of_run("dl1_to_dl2")
    expect("dl1_to_dl2" in labels(dl2), f"the DL2 document tells {labels(dl2)}")
    expect("dl1_to_dl2" not in labels(dl1), f"the DL1 document tells {labels(dl1)}")


def fault_2_stages_without_record(world):
    """Every stage that ran is told; every stage there is has a definition."""
    expected = {"run_summary", "drs4_pedestal", "time_calibration", "camera_calibration",
                "r0_to_dl1", "cat_b", "find_tailcuts", "dl1ab", "dl1_to_dl2", "merge_dl1",
                "merge_dl2", "merge_muons", "merge_datacheck", "night_report"}
    expect(expected <= labels(world.of_night),
           f"not told: {expected - labels(world.of_night)}")
    definition = (pathlib.Path(__file__).resolve().parents[2] /
                  "cfg/provenance/definition.yaml").read_text("utf-8")
    for stage in expected | {"gain_select", "long_term", "check_dl1", "find_pedestals"}:
        expect(re.search(rf"^  {stage}:", definition, re.MULTILINE), f"{stage} is not defined")


def fault_3_failures_without_record(world):
    """A job that fails is on record with its exit code and message; what it left is no product."""
    damaged = world.case.folder / "damaged"
    shutil.copytree(world.folder / "R0", damaged)
    raw = one_file(damaged, f"LST-1.2.Run{world.run:05d}.0000.fits.fz")
    content = raw.read_bytes()
    raw.unlink()
    raw.write_bytes(content[: len(content) // 2])
    records = world.stage("failing", ends="bad input",
                          raw=raw.with_name(raw.name.replace("LST-1.2", "LST-1.1")))
    end = [one for one in records if "endTime" in one and "activity_id" in one]
    expect(len(end) == 1 and end[0]["status"] == "failed" and end[0]["exit_code"] != 0 and
           raw.name in end[0]["message"], f"recorded end: {end}")
    expect(not any("generated_id" in one for one in records), "a fragment is on record as a product")
    expect(all("exit_code" in one for one in world.records if "endTime" in one),
           "an activity ended without an exit code")


def fault_4_identity_is_the_path(world):
    """The same path with another content is another entity, each with its hash."""
    made = []
    for events in (10, 20):
        records = world.stage("twice", "--max-events", events, "--overwrite")
        made.append({one["generated_id"] for one in records if "generated_id" in one})
    expect(len(made[1] - made[0]) >= 1 and made[0] < made[1], f"entities of one path: {made}")


def fault_5_hash_buffer_is_not_read(world):
    """HASH_BUFFER and HASH_METHOD are followed."""
    cfg = world.case.folder / "cfg"
    shutil.copytree(pathlib.Path(__file__).resolve().parents[2] / "cfg", cfg)
    logger = cfg / "provenance/logger.yaml"
    text = logger.read_text("utf-8")
    expect("HASH_BUFFER: content" in text and "HASH_METHOD: sha256" in text, "another logger.yaml")
    replace_file(logger, text.replace("HASH_BUFFER: content", "HASH_BUFFER: path")
                 .replace("HASH_METHOD: sha256", "HASH_METHOD: md5").encode())
    records = world.stage("by_path", "--max-events", 10,
                          env=os.environ | {"ALISIO_CFG": str(cfg)})
    files = [one for one in records if "filepath" in one]
    expect(files and all(one["hash_buffer"] == "path" and len(one["hash"]) == 32 for one in files),
           f"hashes are not of paths: {files[:1]}")


def fault_6_short_ids(world):
    """Ids of activities are UUIDs of version 7, none twice."""
    ids = [one["activity_id"] for one in world.activities()]
    expect(len(ids) == len(set(ids)) and all(UUID7.fullmatch(one) for one in ids), f"ids: {ids[:3]}")


def fault_7_parameters_left_out(world):
    """Run, subrun, calibration run, pedestal run and production are parameters of r0_to_dl1."""
    tag = f"r0_to_dl1:{world.run:05d}"
    expected = {"ObservationRun": f"{world.run}", "CalibrationRun": "11219",
                "PedestalRun": "11218"}
    found = [one["parameters"] for one in world.records
             if "parameters" in one and one["session_tag"] == tag]
    expect(len(found) == 2, f"{len(found)} records of parameters")
    for one in found:
        expect(expected.items() <= one.items() and one["ProdID"] and one["ObservationSubRun"],
               f"parameters: {one}")


def fault_8_rebuilt_from_names(world):
    """Each file that is told exists and has the hash that is told."""
    import hashlib
    files = {facts["filepath"]: facts["sha256"] for document in world.told.values()
             for facts in document["entity"].values()
             if facts["prov:type"] == "File" and "sha256" in facts}
    expect(len(files) > 40, f"only {len(files)} files are told")
    wrong = [path for path, sha256 in files.items()
             if hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() != sha256]
    expect(not wrong, f"not as told: {wrong}")


def fault_9_inputs_left_out(world):
    """Everything that r0_to_dl1 reads is told, its settings included."""
    document = world.of_run("r0_to_dl1")
    (activity,) = [key for key, facts in document["activity"].items()
                   if facts["prov:label"] == "r0_to_dl1"]
    used = {document["entity"][one["prov:entity"]]["prov:label"]
            for one in relations(document, "used") if one["prov:activity"] == activity}
    expected = {"RunSummaryFile", "TimeCalibrationFile", "PedestalFile", "AnalysisConfigFile",
                "CoefficientsCalibrationFile", "EffectiveConfiguration", "Environment",
                "R0Collection"}
    expect(expected <= used, f"not told: {expected - used} (told: {used})")


def fault_10_merged_files_of_every_subrun(world):
    """A file has one maker, which had begun before the file was there."""
    makers = {}
    for one in relations(world.finely, "wasGeneratedBy"):
        makers.setdefault(one["prov:entity"], set()).add(one["prov:activity"])
    twice = {key: value for key, value in makers.items() if len(value) > 1}
    expect(makers and not twice, f"several makers: {twice}")
    for stage, label in (("merge_dl2", "DL2MergedFile"), ("merge_dl1", "DL1MergedFile")):
        for key in entities(world.finely, label):
            (maker,) = makers[key]
            expect(world.finely["activity"][maker]["prov:label"] == stage, f"{label} of {maker}")


def fault_11_local_times_and_no_operator(world):
    """Times are UTC and say so; without USER in the environment the operator has a name."""
    times = [value for record in world.records for key, value in record.items()
             if key in ("startTime", "endTime")]
    times += [one["system"]["start_time_utc"] for one in world.records if "system" in one]
    expect(times and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one)
                         for one in times), f"times: {times[:3]}")
    bare = {key: value for key, value in os.environ.items() if key not in ("USER", "LOGNAME")}
    records = world.stage("cron", "--max-events", 10, env=bare)
    names = {one["agent_name"] for one in records if "agent_name" in one}
    expect(names == {pwd.getpwuid(os.geteuid()).pw_name}, f"operator: {names}")


def fault_12_environment_dumped_then_lost(world):
    """The environment is in the documents, once a content, with allowed variables only."""
    values = [one["value"] for one in world.records if one.get("name") == "Environment"]
    expect(values and all("PATH" not in one["environment"] and "HOME" not in one["environment"]
                          for one in values), "variables outside the list are on record")
    told = entities(world.of_run("r0_to_dl1"), "Environment")
    contents = {json.dumps(one, sort_keys=True) for one in values}
    expect(len(told) == len(contents) == 1, f"{len(told)} told, {len(contents)} recorded")


def fault_13_invented_derivations(world):
    """A DL1 file came from the raw files of its own subrun only."""
    for subrun in (0, 1):
        dl1 = str(world.night.product("DL1", subrun))
        (key,) = [key for key, facts in entities(world.finely, "DL1SubrunDataset").items()
                  if facts.get("filepath") == dl1]
        raw = {path for path in paths_of(world.finely, sources_of(world.finely, key))
               if f".Run{world.run:05d}." in path and path.endswith(".fits.fz")}
        expect(len(raw) == 4 and all(f".{subrun:04d}." in path for path in raw),
               f"{dl1} came from {raw}")


# --- merging


def fault_14_calibration_cut_off(world):
    """From DL2 the document leads back to the raw calibration runs."""
    document = world.of_run("dl1_to_dl2")
    made = [one["prov:entity"] for one in relations(document, "wasGeneratedBy")
            if document["activity"][one["prov:activity"]]["prov:label"] == "dl1_to_dl2"]
    for key in made:
        paths = paths_of(document, sources_of(document, key))
        for run in (11218, 11219):
            expect(any(f".Run{run}.0000.fits.fz" in path for path in paths),
                   f"{key} does not lead to run {run}")


def fault_15_circles(world):
    """Nothing came from itself; dl1ab uses one DL1 and makes another."""
    for name, document in (*world.told.items(), ("by subrun", world.finely)):
        for key in document["activity"]:
            expect(key not in sources_of(document, key), f"{name}: {key} came from itself")
    document = world.of_run("dl1ab")
    (activity,) = [key for key, facts in document["activity"].items()
                   if facts["prov:label"] == "dl1ab"]
    used = {one["prov:entity"] for one in relations(document, "used")
            if one["prov:activity"] == activity}
    made = {one["prov:entity"] for one in relations(document, "wasGeneratedBy")
            if one["prov:activity"] == activity}
    expect(used and made and not used & made, f"used and made: {used & made}")


def fault_16_collections_without_members(world):
    """Collections of two runs have two ids, and their members are named."""
    ids = []
    for run in world.runs:
        document = world.of_run("r0_to_dl1", run)
        (key,) = [key for key, facts in entities(document, "R0Collection").items()
                  if any(f".Run{run:05d}." in path
                         for path in paths_of(document, sources_of(document, key)))]
        members = [one for one in relations(document, "hadMember") if one["prov:collection"] == key]
        expect(len(members) == 8, f"{len(members)} members of {facts_of(document, key)}")
        ids.append(key)
    expect(len(set(ids)) == 2, f"one id for two collections: {ids}")


def facts_of(document, key):
    return document["entity"][key]


def fault_17_bare_ids(world):
    """Every entity says what it is and where, or what, it is."""
    for name, document in world.told.items():
        for key, facts in document["entity"].items():
            expect("prov:label" in facts and "prov:type" in facts and len(facts) > 2,
                   f"{name}: {key} says {facts}")


def fault_18_calibration_vanishes(world):
    """Documents of each run hold the calibration stages and the session."""
    for run in world.runs:
        document = world.of_run("r0_to_dl1", run)
        expect({"drs4_pedestal", "camera_calibration", "time_calibration"} <= labels(document),
               f"run {run} tells {labels(document)}")
        sessions = [facts for facts in document["entity"].values()
                    if "Session" in str(facts["prov:type"])]
        started = {one["prov:activity"] for one in relations(document, "wasStartedBy")}
        expect(sessions and started == set(document["activity"]), "activities without a session")


def fault_19_crash_on_a_filter(world):
    """Each stage of a night's journals can be merged by itself."""
    for stage, run in (("r0_to_dl1", world.run), ("dl1_to_dl2", world.run),
                       ("camera_calibration", 11219), ("drs4_pedestal", 11218)):
        document = world.merged(f"one_{stage}", "--stage", stage, "--run", run)
        expect(stage in labels(document), f"{stage}: {labels(document)}")


def fault_20_times_by_line_order(world):
    """Lines in another order give the same document, byte for byte."""
    turned = world.case.folder / "turned"
    for number, path in enumerate(world.journals):
        (turned / f"{99 - number:02d}").mkdir(parents=True)
        lines = path.read_text("utf-8").splitlines(keepends=True)
        (turned / f"{99 - number:02d}" / path.name).write_text("".join(reversed(lines)), "utf-8")
    for name, journals in (("straight", world.folder), ("reversed", turned)):
        world.merged(name, "--date", DATE, "--grain", "run", journals=journals)
    straight, other = (one_file(world.case.folder / name, "*_prov.json").read_bytes()
                       for name in ("straight", "reversed"))
    expect(straight == other, "the document depends on the order of lines")


def fault_21_closed_before_dl2(world):
    """What is told of DL2 and of merging has ended."""
    for document in (world.of_run("dl1_to_dl2"), world.of_run("merge_dl2"), world.of_night):
        open_ends = [facts["prov:label"] for facts in document["activity"].values()
                     if "prov:endTime" not in facts]
        expect(not open_ends, f"without an end: {open_ends}")


def fault_22_raw_data_copied(world):
    """No raw data among the copies; a third content under one name destroys nothing."""
    for log in world.logs:
        raw = [path for path in log.rglob("*") if path.suffix == ".fz"]
        expect(not raw, f"raw data were copied: {raw}")
    configuration = world.case.folder / "contents/alisio.yaml"
    configuration.parent.mkdir()
    output = world.case.folder / "contents/log"
    for version in range(3):
        configuration.write_text(world.night.config.read_text("utf-8") + f"# {version}\n", "utf-8")
        folder = world.case.folder / f"contents/{version}"
        world.case.run(*world.stage_words(folder), "--journal-dir", folder / "journal",
                       "--max-events", 10, "--config", configuration).ends("done")
        world.case.run("prov", "merge", "--journals", folder, "--stage", "r0_to_dl1", "--run",
                       world.run, "--no-graphs", "-o", output).ends("done")
    copies = {path.read_text("utf-8")[-4:-1] for path in output.glob("alisio*.yaml")}
    expect(copies == {"# 0", "# 1", "# 2"}, f"copies end with {copies}")


def fault_23_all_lines_for_each_run(world):
    """A night keeps the journals of each run apart, so that merging one reads its own."""
    for path in world.journals:
        runs = {one["observation_run"] for one in records_in(path) if "activity_id" in one and
                "observation_run" in one}
        expect(len(runs) == 1, f"{path} tells of runs {runs}")
        if runs != {"00000"}:
            expect(path.parent.name in runs, f"{path} tells of runs {runs}")


def fault_24_broken_lines_unsaid(world):
    """Broken lines are counted, and the rest is told."""
    broken = world.case.folder / "broken"
    shutil.copytree(world.folder / "DL1", broken, ignore=shutil.ignore_patterns("*.h5", "*.fits"))
    journal = next(path for path in broken.rglob("log/journal/**/*.log")
                   if "r0_to_dl1" in path.read_text("utf-8"))
    journal.write_text(journal.read_text("utf-8") + f"INFO provLogger {PREFIX}now{PREFIX}{{\"a\n",
                       "utf-8")
    outcome = world.case.run("prov", "merge", "--journals", broken, "--stage", "r0_to_dl1", "--run",
                             world.run, "--no-copies", "-o", world.case.folder / "broken_told")
    outcome.ends("done")
    expect("1 of" in outcome.err + outcome.out and "could not be read" in outcome.err + outcome.out,
           f"the broken line is not counted:\n{outcome}")


# --- products


def fault_25_json_without_links(world):
    """Hashes, sessions, agents, typed values and IRIs are in the JSON."""
    document = world.of_run("r0_to_dl1")
    for relation in ("wasStartedBy", "wasAssociatedWith", "used", "wasGeneratedBy"):
        expect(document.get(relation), f"no {relation}")
    numbers = [value for facts in document["entity"].values() for value in facts.values()
               if isinstance(value, int)]
    expect(numbers, "all values are texts")
    expect(all(re.match(r"[a-z][a-z0-9+.-]*:", iri) for iri in document["prefix"].values()),
           f"namespaces: {document['prefix']}")


def fault_26_log_cannot_be_fed_back(world):
    """The .log product alone gives the same document again."""
    log = one_file(world.folder / "DL1", f"r0_to_dl1_{world.run:05d}_prov.log")
    again = world.merged("from_log", "--stage", "r0_to_dl1", "--run", world.run, journals=log)
    direct = world.merged("from_journals", "--stage", "r0_to_dl1", "--run", world.run)
    expect(again == direct, "the log tells something else than the journals")


def fault_27_drawings_nobody_reads(world):
    """At most 2000 px wide, and nodes can lead to pages."""
    for log in world.logs:
        for svg in log.glob("*_prov.svg"):
            width = re.search(r'<svg[^>]* width="([\d.]+)"', svg.read_text("utf-8"))
            expect(width and float(width[1]) <= 2000, f"{svg}: {width and width[1]} px wide")
    json_file = one_file(world.folder / "DL1", f"r0_to_dl1_{world.run:05d}_prov.json")
    drawn = world.case.folder / "linked.svg"
    world.case.run("prov", "graph", json_file, "-o", drawn, "--server", "http://localhost").ends("done")
    expect("http://localhost/entity/" in drawn.read_text("utf-8"), "nodes lead nowhere")


def fault_28_no_questions(world):
    """There are commands to ask, verify, compare and make again."""
    text = world.case.run("prov", "--help").ends("done").out
    for command in ("find", "index", "verify", "diff", "show", "impact", "rerun"):
        expect(re.search(rf"^\s+{command}\b", text, re.MULTILINE), f"no `prov {command}`")


def fault_29_moved_data_lose_their_links(world):
    """Files below the data root have names that hold wherever the tree stands."""
    without = [one["filepath"] for one in world.records
               if one.get("filepath", "").startswith(str(world.folder)) and "logical_path" not in one]
    expect(not without, f"absolute paths only: {without[:3]}")
    world.case.run("prov", "index", "--config", world.night.config).ends("done")
    moved = world.case.folder / "elsewhere.h5"
    made = [path for path in world.folder.rglob(f"DL2/**/dl2_LST-1.Run{world.run:05d}.0000.h5")
            if path.parent.name != "log"]
    expect(len(made) == 1, f"DL2 of subrun 0: {made}")
    shutil.copy2(made[0], moved)
    told = world.case.run("prov", "show", moved, "--config", world.night.config).ends("done").out
    expect("by its content" in told and "dl1_to_dl2" in told, f"a moved file is not known:\n{told}")


def fault_30_other_programs_at_run_time(world):
    """Documents are written without any other program or package."""
    world.case.run("prov", "merge", "--journals", world.folder, "--stage", "r0_to_dl1", "--run",
                   world.run, "-o", world.case.folder / "alone",
                   env={"PATH": "", "HOME": str(world.case.folder)}).ends("done")


def case_none_of_the_known_faults(case):
    night = case.simulated(**RAW, events=300, runs=2)
    steps = b"steps:\n  cat_b: true\n  tailcuts: true\n  dl1ab: true\n"
    replace_file(night.config, night.config.read_bytes() + steps)
    night.process().ends("done")
    world = World(case, night)
    checks = {int(name.split("_")[1]): check for name, check in globals().items()
              if name.startswith("fault_")}
    expect(sorted(checks) == list(range(1, 31)), f"checks of faults: {sorted(checks)}")
    failed = []
    for number, check in sorted(checks.items()):
        try:
            check(world)
        except (AssertionError, LookupError, ValueError) as problem:
            failed.append(f"{number} ({check.__name__}): {type(problem).__name__} {problem}"[:1500])
    expect(not failed, "\n".join(["faults found:", *failed]))
