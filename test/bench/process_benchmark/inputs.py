"""The data that is measured with: made at need below one folder, and kept there if it is named."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .tasks import prepare, stop

DATE = "20240115"
SYNTHETIC_DATE = "20221215"

PEER_OPTIONS = {
    "--drs4-pedestal": "-p",
    "--calibration": "--calib",
    "--time-calibration": "-t",
    "--drive-log": "--pointing-file",
    "--run-summary": "-r",
}


@dataclass
class Subrun:
    """A raw file and what calibrates it, by the option of alisio that takes it."""

    raw: Path
    constants: dict
    events: int

    def streams(self):
        return sorted(self.raw.parent.glob(self.raw.name.replace("LST-1.1.", "LST-1.?.")))


def one(root, pattern):
    found = [path for path in sorted(root.rglob(pattern)) if not path.is_symlink()]
    if not found:
        stop(f"there is no {pattern} below {root}", 4)
    return found[0]


def constants_of(folder, pointing=None, summary=None):
    pointing = pointing or folder
    return {
        "--drs4-pedestal": one(folder, "drs4_pedestal*.h5"),
        "--calibration": one(folder, "calibration_filters*.h5"),
        "--time-calibration": one(folder, "time_calibration*.h5"),
        "--drive-log": one(pointing, "DrivePosition_log_*.txt"),
        "--run-summary": one(summary or pointing, "RunSummary_*.ecsv"),
    }


def simulated(context, events, subruns=1):
    """Return the first subrun of a night of `alisio simulate`."""
    folder = context.data / f"simulated{events}"
    if not folder.exists():
        words = [context.alisio, "simulate", "--output", folder, "--date", DATE, "--runs", "1"]
        prepare(words + ["--subruns", subruns, "--events", events])
    raw = sorted((folder / "R0" / DATE).glob("LST-1.1.Run*.0000.fits.fz"))[-1]
    return Subrun(raw, constants_of(folder / "monitoring"), events)


def synthetic(context, events, subruns=1):
    """Return the first subrun of the shared tool's night, or nothing without tool or Python."""
    folder = context.data / f"synthetic{events}"
    night, calibration = context.shared / "data/night/monitoring", context.shared / "data/calibration"
    if not folder.exists():
        tool = context.shared / "tools/synthetic_night.py"
        words = [context.peer_bin / "python", tool, "--out", folder, "--what", "data"]
        # The tool counts the events of all subruns.
        prepare(words + ["--n-data", events * subruns, "--subruns", subruns, "--seed", "11"])
    raw = sorted((folder / "R0" / SYNTHETIC_DATE).glob("LST-1.1.Run*.0000.fits.fz"))[-1]
    return Subrun(raw, constants_of(calibration, folder / "monitoring", night), events)


def dl1_parameters(context, events):
    """Return a DL1 file of parameters alone and its number of events: the shared tool's, else the
    shared one of 10 000."""
    tool = context.shared / "tools/synthetic_dl1_parameters.py"
    if not context.peer_bin or not tool.exists():
        return context.shared / "data/dl1_10k/dl1_LST-1.Run02009.0000.h5", 10000
    file = context.data / "dl1_LST-1.Run02010.0000.h5"
    if not file.exists():
        prepare([context.peer_bin / "python", tool, "data", events, file])
    return file, events


def models(context):
    """Return the standard models as a forest file."""
    if context.models:
        return context.models
    target = context.data / "standard.forest"
    if not target.exists():
        python = context.peer_bin / "python" if context.peer_bin else sys.executable
        words = [python, context.root / "scripts/convert-models", saved_models(context), target]
        result = subprocess.run(words, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            stop(f"the models could not be converted (or give --models FILE):\n{result.stderr}", 4)
    return target


def saved_models(context):
    return context.shared / "data/models/standard"


def onsite_configuration(peer):
    """Return lstchain's settings of the camera calibration on site."""
    found = list(peer.parent.rglob("lstchain/data/onsite_camera_calibration_param.json"))
    if not found:
        stop(f"{peer.parent} holds no onsite_camera_calibration_param.json", 4)
    return found[0]


def ours_r0(context, subrun, threads=1, more=()):
    words = [context.alisio, "r0-to-dl1", "--input", subrun.raw, "--output-dir", "{out}"]
    words += ["--threads", threads, "--report", "{folder}/report.json"]
    for option, file in subrun.constants.items():
        words += [option, file]
    return words + list(more)


def theirs_r0(context, subrun):
    words = [context.peer_bin / "lstchain_data_r0_to_dl1", "-f", subrun.raw, "-o", "{out}"]
    for option, file in subrun.constants.items():
        words += [PEER_OPTIONS[option], file]
    return words
