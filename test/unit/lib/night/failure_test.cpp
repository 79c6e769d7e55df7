// Failures as they are met on site, and what is made of them.
#include "lib/night/failure.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace {

using enum FailureClass;

struct Met {
  const char* stage;
  ErrorKind error;
  const char* message;
  FailureClass kind;
  TryAgain try_again;
  const char* advice;  ///< a word of it
};

class KnownFailure : public testing::TestWithParam<Met> {};

TEST_P(KnownFailure, IsRecognised) {
  const Met& met = GetParam();
  const Failure failure = classify({exit_code(met.error), met.message, "", met.stage});
  EXPECT_STREQ(to_string(failure.kind), to_string(met.kind)) << met.message;
  EXPECT_STREQ(to_string(failure.try_again), to_string(met.try_again)) << met.message;
  EXPECT_NE(failure.advice.find(met.advice), std::string::npos) << failure.advice;
  EXPECT_FALSE(failure.cause.empty());
}

INSTANTIATE_TEST_SUITE_P(
    OfLstosa, KnownFailure,
    testing::Values(
        Met{"r0_to_dl1", ErrorKind::bad_input, "LST-1.1.Run1.0000.fits.fz: has no table Events",
            bad_input, TryAgain::never, "discard"},
        Met{"dl1ab", ErrorKind::resource,
            "a.h5: cannot be opened: unable to lock file, errno = 11, error message = 'Resource "
            "temporarily unavailable'",
            transient, TryAgain::now, "another try"},
        Met{"r0_to_dl1", ErrorKind::bug, "OSError: [Errno 12] Cannot allocate memory",
            out_of_memory, TryAgain::now, "memory"},
        Met{"r0_to_dl1", ErrorKind::resource, "out of memory (use fewer threads)", out_of_memory,
            TryAgain::now, "fewer jobs"},
        Met{"r0_to_dl1", ErrorKind::bad_input,
            "LST-1.2.Run1.0000.fits.fz: ends before its data does", bad_input, TryAgain::never,
            "copied"},
        Met{"dl1ab", ErrorKind::bad_input, "dl1.h5: its charges are corrected by Cat-B already",
            bad_input, TryAgain::never, "reprocess --from r0_to_dl1"},
        Met{"dl1ab", ErrorKind::bad_input,
            "dl1.h5: holds no pedestals to take picture thresholds from", bad_input,
            TryAgain::never, "discard"},
        Met{"r0_to_dl1", ErrorKind::bad_input,
            "DrivePosition_log_20221215.txt:7: is no line of a drive log", bad_input,
            TryAgain::never, "drive log"},
        Met{"merge_muons", ErrorKind::usage,
            "muons.fits: is made of 00101.0001 too, which would be lost (give these as well, ...)",
            missing_input, TryAgain::never, "veto"},
        Met{"merge_dl1", ErrorKind::usage, "dl1.h5: holds 40 events, and would be replaced by 20",
            missing_input, TryAgain::never, "discard"},
        Met{"merge_dl1", ErrorKind::usage,
            "dl1.h5: is there already, and would be replaced by one of at most 10 events",
            configuration, TryAgain::never, "move it aside"},
        Met{"cat_b", ErrorKind::bad_input,
            "i.h5: no calibration: 3 flat-field and 0 pedestal events in 2 files", bad_input,
            TryAgain::never, "Cat-A"},
        Met{"camera_calibration", ErrorKind::bad_input,
            "r.fits.fz: no calibration: 3 flat-field and 0 pedestal events in 900 events",
            bad_input, TryAgain::never, "run summary"},
        Met{"r0_to_dl1", ErrorKind::missing_input, "no charge calibration at or before run 00101",
            missing_input, TryAgain::later, "look_back_days"}));

INSTANTIATE_TEST_SUITE_P(
    OfMachines, KnownFailure,
    testing::Values(
        Met{"r0_to_dl1", ErrorKind::resource, "x: cannot be written: No space left on device",
            resource, TryAgain::later, "clean"},
        Met{"r0_to_dl1", ErrorKind::resource, "x: cannot be written: Disk quota exceeded", resource,
            TryAgain::later, "quota"},
        Met{"r0_to_dl1", ErrorKind::resource, "x: cannot be written to: Permission denied",
            resource, TryAgain::later, "mode"},
        Met{"r0_to_dl1", ErrorKind::resource, "x: cannot read: Input/output error", transient,
            TryAgain::now, "file system"},
        Met{"r0_to_dl1", ErrorKind::resource, "x: something else", resource, TryAgain::now,
            "retry"},
        Met{"r0_to_dl1", ErrorKind::bug, "internal error: vector::at", bug, TryAgain::later,
            "report"},
        Met{"r0_to_dl1", ErrorKind::configuration, "tailcut: unknown", configuration,
            TryAgain::never, "config"},
        Met{"r0_to_dl1", ErrorKind::interrupted, "stopped", killed, TryAgain::now, "pass"},
        Met{"r0_to_dl1", ErrorKind::bug, "slurmstepd: error: Detected 1 oom-kill event(s)",
            out_of_memory, TryAgain::now, "memory"},
        Met{"r0_to_dl1", ErrorKind::bug, "JOB 7 CANCELLED AT 2026-01-02 DUE TO TIME LIMIT",
            time_out, TryAgain::now, "limit"},
        Met{"r0_to_dl1", ErrorKind::bug, "NODE_FAIL", transient, TryAgain::now, "try"}));

TEST(Failure, ASignalTellsWhoEndedIt) {
  EXPECT_EQ(classify({128 + SIGKILL, "killed by signal 9 (Killed)", "", ""}).kind, killed);
  EXPECT_EQ(classify({128 + SIGKILL, "killed by signal 9 (Killed)", "", ""}).try_again,
            TryAgain::now);
  EXPECT_EQ(classify({128 + SIGSEGV, "killed by signal 11", "", ""}).kind, bug);
  EXPECT_EQ(classify({128 + SIGXCPU, "", "", ""}).kind, time_out);
  EXPECT_EQ(classify({127, "ended with code 127 and no report", "", ""}).kind, configuration);
}

TEST(Failure, TheLogCountsWhenTheErrorSaysNothing) {
  const std::string tail = "12:34:56 info begun\nslurmstepd: Some of the step were OUT_OF_MEMORY\n";
  EXPECT_EQ(classify({128 + SIGKILL, "killed by signal 9", tail, ""}).kind, out_of_memory);
  EXPECT_EQ(classify({exit_code(ErrorKind::bad_input), "the event is odd", tail, ""}).kind,
            bad_input)
      << "an error of the job's own says what it is";
}

TEST(Failure, ACauseOfAStageIsNoneOfOthers) {
  const std::string message = "no calibration: 0 flat-field and 0 pedestal events";
  EXPECT_NE(classify({5, message, "", "cat_b"}).cause,
            classify({5, message, "", "camera_calibration"}).cause);
  EXPECT_NE(classify({5, message, "", "merge_dl1"}).cause,
            classify({5, message, "", "cat_b"}).cause);
}

}  // namespace
}  // namespace alisio::night
