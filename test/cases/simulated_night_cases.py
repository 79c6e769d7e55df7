"""Constants measured on simulated runs give back what was simulated.

Pulls are (measured - true) / statistical error of a pixel; if the tools are right and the errors are
all that there is, they have mean 0 and spread 1 over the pixels. Small known effects are stated
beside the limits. The numbers are taken from the products by truth_pulls.
"""

import subprocess

from harness import DATE, Skipped, expect, one_file


def truth_pulls(case, *words):
    """Return {(quantity, gain): (n, mean, spread, worst)}."""
    tool = case.alisio.parent / "test" / "cases" / "truth_pulls"
    if not tool.exists():
        raise Skipped(f"{tool} is not built")
    process = subprocess.run(
        [str(tool), *map(str, words)], capture_output=True, text=True, check=False, timeout=60
    )
    expect(process.returncode == 0, f"truth_pulls {words} failed: {process.stderr}")
    found = {}
    for line in process.stdout.splitlines():
        name, gain, *numbers = line.split()
        found.setdefault((name, int(gain)), tuple(float(number) for number in numbers))
    return found


def expect_pulls(found, name, mean, spread, worst=6.0):
    """The pulls of both gains have a mean within +-mean and a spread within the pair."""
    for gain in (0, 1):
        n, m, s, w = found[name, gain]
        told = f"{name}, gain {gain}: {n:.0f} pixels, mean {m:.3f}, spread {s:.3f}, worst {w:.2f}"
        expect(n > 1800, f"too few pixels: {told}")
        expect(abs(m) < mean, f"biased: {told}")
        expect(spread[0] < s < spread[1], f"not the statistical error: {told}")
        expect(w < worst, f"an outlier: {told}")


def first_stream(night, run):
    return night / "R0" / DATE / f"LST-1.1.Run{run:05d}.0000.fits.fz"


def make_constants(case, night, calibration_run=11219):
    """Run the three tools on a night without constants; return the files."""
    output = case.folder / "constants"
    config = night / "alisio.yaml"
    job = ["--output-dir", output, "--config", config]
    drs4_run = first_stream(night, 11218)
    case.run("drs4-pedestal", "--input", drs4_run, *job).ends("done")
    drs4 = one_file(output, "drs4_pedestal.Run11218.0000.h5")
    job += ["--input", first_stream(night, calibration_run), "--drs4-pedestal", drs4]
    case.run("time-calibration", *job).ends("done")
    time = one_file(output, f"time_calibration.Run{calibration_run}.0000.h5")
    case.run("camera-calibration", *job, "--time-calibration", time).ends("done")
    charge = one_file(output, f"calibration_filters_52.Run{calibration_run}.0000.h5")
    return drs4, time, charge


def simulate(case, *words):
    night = case.folder / "raw"
    words = ["--date", DATE, "--subruns", 1, "--without-constants", "--without-run-summary", *words]
    case.run("simulate", "--output", night, *words).ends("done")
    left = [path for path in (night / "monitoring").rglob("*.h5")]
    expect(not left, f"constants where none should be: {left}")
    return night


def case_truth_comes_back(case):
    """Raw runs to constants to DL1: every stage finds what was simulated."""
    night = simulate(case, "--calibration-events", 1000, "--events", 400, "--seed", 3)
    truth = night / "truth" / "camera.ecsv"
    drs4, time, charge = make_constants(case, night)

    found = truth_pulls(case, "drs4", truth, drs4)
    expect_pulls(found, "baseline_pull", 0.1, (0.8, 1.3))
    # A pixel has about 14 spikes of noise 4.5 or 2.5 ADC in 1000 readouts, and heights are rounded.
    for i in range(3):
        for gain, noise in ((0, 4.5), (1, 2.5)):
            n, mean, spread, _ = found[f"spike_{i}", gain]
            error = (noise**2 / 14 * 1.15 + 1 / 12) ** 0.5
            told = f"spike {i}, gain {gain}: mean {mean:.3f}, spread {spread:.3f}, error {error:.3f}"
            expect(n > 1800 and abs(mean) < 0.25, f"biased: {told}")
            expect(0.8 * error < spread < 1.3 * error, f"not the statistical error: {told}")

    found = truth_pulls(case, "time", truth, time)
    for gain in (0, 1):
        error = found["no_delay_10", gain][2]
        expect(0.02 < error < 0.06, f"500 flashes give harmonics to 0.04 ns, not {error:.4f} ns")
        for h in range(1, 6):
            for part in ("cos", "sin"):
                n, mean, spread, _ = found[f"delay_{part}_{h}", gain]
                told = f"delay {part} {h}, gain {gain}: mean {mean:.4f}, spread {spread:.4f} ns"
                expect(n > 1800 and abs(mean) < 0.2 * error, f"biased: {told}")
                expect(0.85 * error < spread < 1.15 * error, f"error {error:.4f} ns: {told}")

    found = truth_pulls(case, "calibration", truth, charge)
    # Flashes vary by 1 %: the F-factor takes that for gain, 0.6 % or a tenth of the error.
    expect_pulls(found, "gain_pull", 0.25, (0.9, 1.15))
    expect_pulls(found, "photoelectrons_pull", 0.25, (0.9, 1.15))
    # The median of a slightly skewed charge, and capacitor baselines known to 1.5 ADC.
    expect_pulls(found, "signal_pull", 0.5, (0.7, 1.2))
    # Residual baselines of the few first cells that a pixel meets in 500 events come on top.
    expect_pulls(found, "pedestal_pull", 0.7, (0.8, 1.3))
    expect_pulls(found, "time_offset_pull", 0.5, (0.6, 1.2))
    for gain in (0, 1):
        unusable = found["unusable", gain]
        expect(unusable[1] < 0.003, f"good pixels are called unusable: {unusable}")

    output = case.folder / "dl1"
    words = ["--input", first_stream(night, 11220), "--output-dir", output]
    words += ["--drs4-pedestal", drs4, "--time-calibration", time, "--calibration", charge]
    # The window that the constants are measured with, and none of the factors for images.
    corrections = "source_config.LSTEventSource.LSTR0Corrections.calib_scale_"
    for value in (f"{corrections}high_gain=1", f"{corrections}low_gain=1"):
        words += ["--set", value]
    for value in ("window_width=12", "window_shift=5"):
        words += ["--set", f"LocalPeakWindowSum.{value}"]
    case.run("r0-to-dl1", *words).ends("done")
    found = truth_pulls(case, "dl1", truth, one_file(output, "dl1_LST-1.Run*.h5"), charge)
    # 75 p.e. less what the varying flashes cost; 1 % variation of about 24 flashes.
    _, image, _, _ = found["flat_field_image", 0]
    expect(abs(image - 75) < 1.5, f"flat fields of 75 p.e. are images of {image:.2f}")
    for gain in (0, 1):
        n, mean, spread, _ = found["flat_field_pe", gain]
        told = f"gain {gain}: {n:.0f} pixels, mean {mean:.3f}, spread {spread:.3f} p.e."
        expect(abs(mean - 75) < 1.5, f"flat fields are not 75 p.e.: {told}")
        expect(spread < 4, f"flat fields are uneven: {told}")
        n, mean, spread, _ = found["pedestal_pe", gain]
        told = f"gain {gain}: {n:.0f} pixels, mean {mean:.3f}, spread {spread:.3f} p.e."
        expect(abs(mean) < 0.05, f"pedestals are not 0: {told}")
        expect(spread < 1, f"pedestals are uneven: {told}")


def case_dead_pixel_is_flagged(case):
    """A dead pixel in the calibration run is unusable; all others have constants."""
    night = simulate(
        case, "--calibration-events", 1000, "--events", 8, "--fault", "11219=dead-pixel"
    )
    drs4, time, charge = make_constants(case, night)
    truth = night / "truth" / "camera.ecsv"
    found = truth_pulls(case, "calibration", truth, charge)
    for gain in (0, 1):
        expect(found["dead", gain][1] == 1, "the dead pixel passes for good")
        expect(found["strong", gain][1] == 1, "a pixel of 1.8 times the gain passes for good")
    expect_pulls(found, "gain_pull", 0.25, (0.9, 1.15))


def case_lamp_off(case):
    """A calibration run without light gives no usable constants, and that is said."""
    night = simulate(
        case, "--calibration-events", 400, "--events", 8, "--fault", "11219=lamp-off"
    )
    output = case.folder / "constants"
    job = ["--output-dir", output, "--config", night / "alisio.yaml"]
    case.run("drs4-pedestal", "--input", first_stream(night, 11218), *job).ends("done")
    drs4 = one_file(output, "drs4_pedestal*.h5")
    said = case.run(
        "camera-calibration", "--input", first_stream(night, 11219), "--drs4-pedestal", drs4, *job
    )
    made = list(output.glob("calibration_filters*.h5"))
    if said.code == 0:
        expect(made and "gate" in said.err, f"no gate failed without light:\n{said}")
    else:
        said.ends("bad input")
        expect(not made, "a failed calibration left a file")


def case_few_calibration_events(case):
    """A run of 16 events is named as too short, and nothing comes of it in silence."""
    night = simulate(case, "--events", 8, "--fault", "11219=few-events")
    output = case.folder / "constants"
    job = ["--output-dir", output, "--config", night / "alisio.yaml"]
    case.run("drs4-pedestal", "--input", first_stream(night, 11218), *job).ends("done")
    drs4 = one_file(output, "drs4_pedestal*.h5")
    said = case.run(
        "camera-calibration", "--input", first_stream(night, 11219), "--drs4-pedestal", drs4, *job
    )
    if said.code == 0:
        expect("gate" in said.err, f"no gate failed with 16 events:\n{said}")
    else:
        said.ends("bad input")
