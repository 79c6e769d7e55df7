"""Record what a Python script does in the journals of Alisio, to be merged, indexed and asked with
`alisio prov`. Needs the standard library only (and PyYAML if a definition is given as YAML).

    from alisio_provenance import Activity

    with Activity("gammapy_spectrum", run=2008, date="20221215", journal="DL3/log/journal",
                  parameters={"energy_min_tev": 0.05}, data_root="/data/lst") as activity:
        events = read(activity.used("dl3_LST-1.Run02008.fits", role="DL3 event list",
                                    entity="DL3File"))
        ...
        write(spectrum, "spectrum.fits")
        activity.generated("spectrum.fits", role="Spectrum", entity="SpectrumFile")

An exception records the activity as failed, with its message, and goes on upwards; a script that is
killed leaves a start without an end, which shows as killed. With a `definition` (a dictionary, or a
JSON or YAML file, of the shape of cfg/provenance/definition.yaml) names and roles are looked up
there by port, and what it does not know is refused: `activity.used("x.fits", port="dl3")`.
"""
import datetime
import getpass
import hashlib
import json
import os
import pathlib
import platform
import secrets
import sys
import time

PREFIX = "__PROV__"


def _now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _uuid7():
    """A time-ordered UUID (RFC 9562, version 7)."""
    number = int(time.time() * 1000) << 80 | secrets.randbits(80)
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _short_hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _hash_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def load_definition(definition):
    """Return a definition as a dictionary. Raises ValueError if it names no activities."""
    if not isinstance(definition, dict):
        path = pathlib.Path(definition)
        if path.suffix == ".json":
            definition = json.loads(path.read_text("utf-8"))
        else:
            import yaml
            definition = yaml.safe_load(path.read_text("utf-8"))
    if not isinstance(definition, dict) or not isinstance(definition.get("activities"), dict):
        raise ValueError("the definition of provenance has no 'activities'")
    return definition


class Activity:
    """One activity: a context that is recorded from its start to its end.

    name: of the activity, in the words of the definition if there is one.
    run, subrun, date (YYYYMMDD), prod_id, telescope: what it concerns; run 0 stands for none.
    journal: folder in which this process writes a journal of its own.
    parameters: name to value, recorded as text.
    configuration: any value that JSON can express; recorded whole.
    data_root: paths below it name files wherever the tree is moved.
    definition: see load_definition.
    """

    def __init__(self, name, *, journal, run=0, subrun=None, date="", prod_id="", telescope=1,
                 parameters=None, configuration=None, data_root=None, definition=None,
                 software_version="unknown"):
        self._ports = None
        if definition is not None:
            known = load_definition(definition)
            if name not in known["activities"]:
                raise ValueError(f"the definition has no activity '{name}'")
            self._ports = known["activities"][name] or {}
        self.id = _uuid7()
        self._name, self._run, self._root = name, f"{int(run):05d}", data_root
        self._tag = f"{name}:{self._run}"
        self._parameters = {key: str(value) for key, value in (parameters or {}).items()}
        self._configuration = configuration
        self._told = set()
        session = _uuid7()
        folder = pathlib.Path(journal)
        folder.mkdir(parents=True, exist_ok=True)
        self.journal = folder / f"prov_{session}.log"
        # One write a line: others may read, or append, while this is open.
        self._file = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC,
                             0o644)
        started = _now()
        build = {"version": software_version, "language": f"Python {platform.python_version()}"}
        machine = {"architecture_bits": platform.architecture()[0], "machine": platform.machine(),
                   "node": platform.node(), "system": platform.system(),
                   "release": platform.release(), "num_cpus": os.cpu_count()}
        about = {"telescope": f"LST-{telescope}", "observation_date": date,
                 "observation_run": self._run}
        self._write({"session_id": session, "name": self._run, "startTime": started,
                     "system": {"executable": sys.executable, "platform": machine, "build": build,
                                "environment": {}, "arguments": sys.argv,
                                "start_time_utc": started},
                     "software_version": software_version, **about})
        record = {"activity_id": self.id, "name": name, "startTime": started,
                  "in_session": session, "agent_name": getpass.getuser(),
                  "script": os.path.abspath(sys.argv[0]) if sys.argv[0] else sys.executable,
                  "software_version": software_version, **about, "prod_id": prod_id,
                  "command": [sys.executable, *sys.argv]}
        if subrun is not None:
            record["observation_subrun"] = f"{int(subrun):04d}"
        self._write(record)
        self._write({"activity_id": self.id, "parameters": self._parameters})
        self._use_value("Environment", {"platform": machine, "build": build, "environment": {}},
                        "Environment", "Environment")
        if configuration is not None:
            self._use_value("EffectiveConfiguration", json.dumps(configuration, sort_keys=True),
                            "Configuration", "Effective configuration")

    def __enter__(self):
        return self

    def __exit__(self, kind, problem, trace):
        end = {"activity_id": self.id, "endTime": _now(),
               "status": "completed" if kind is None else "failed",
               "exit_code": 0 if kind is None else 1}
        if kind is not None:
            end["message"] = f"{kind.__name__}: {problem}".splitlines()[0]
        self._write(end)
        os.fsync(self._file)
        os.close(self._file)

    def used(self, path, *, role=None, entity=None, port=None):
        """Record a file that is read, by its content, and return its path."""
        role, entity = self._flow("usage", role, entity, port)
        self._write({"activity_id": self.id, "used_id": self._entity(path, entity),
                     "used_role": role, **({"port": port} if port else {})})
        return path

    def generated(self, path, *, role=None, entity=None, port=None):
        """Record a file that was written. Call it once the file is whole."""
        role, entity = self._flow("generation", role, entity, port)
        self._write({"activity_id": self.id, "generated_id": self._entity(path, entity),
                     "generated_role": role, **({"port": port} if port else {})})
        os.fsync(self._file)
        return path

    def _flow(self, direction, role, entity, port):
        if self._ports is None:
            if not role or not entity:
                raise ValueError("without a definition, a file needs a role and an entity")
            return role, entity
        for flow in self._ports.get(direction) or []:
            if (port and flow.get("value") == port) or (not port and flow.get("role") == role):
                return flow["role"], flow["entityName"]
        raise ValueError(f"the definition gives {self._name} no {direction} '{port or role}'")

    def _entity(self, path, name):
        path = pathlib.Path(path).absolute()
        sha256 = _hash_of(path)
        logical = str(path)
        if self._root is not None:
            root = pathlib.Path(self._root).absolute()
            if path.is_relative_to(root):
                logical = str(path.relative_to(root))
        entity = _short_hash(f"{sha256}\n{logical}")
        if entity not in self._told:
            self._told.add(entity)
            record = {"entity_id": entity, "name": name, "filepath": str(path), "hash": sha256,
                      "hash_type": "sha256", "type": "File", "sha256": sha256,
                      "size_bytes": path.stat().st_size}
            if logical != str(path):
                record["logical_path"] = logical
            self._write(record)
        return entity

    def _use_value(self, name, value, kind, role):
        text = value if isinstance(value, str) else json.dumps(value)
        entity = _short_hash(f"{name.lower()}\n{text}")
        self._write({"entity_id": entity, "name": name, "type": kind, "value": value,
                     "sha256": hashlib.sha256(text.encode()).hexdigest()})
        self._write({"activity_id": self.id, "used_id": entity, "used_role": role})

    def _write(self, record):
        record["session_tag"] = self._tag
        text = json.dumps(record, ensure_ascii=False)
        line = f"INFO provLogger {PREFIX}{_now()}{PREFIX}{text}\n".encode()
        if os.write(self._file, line) != len(line):
            raise OSError(f"{self.journal}: the journal cannot be written; make room")
