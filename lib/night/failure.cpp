#include "lib/night/failure.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace {

using enum FailureClass;

constexpr int signal_base = 128;

/// A cause that is known by what is said.
struct KnownCause {
  const char* words;  ///< in lower case, within the error or the end of the log
  const char* stage;  ///< of this stage only; empty: of any
  FailureClass kind;
  TryAgain try_again;
  const char* cause;
  const char* advice;
};

constexpr const char* wait_for_file_system =
    "nothing is wrong with the data: another try does; if it comes back, look at the file system";
constexpr const char* more_memory =
    "run fewer jobs at a time (night.jobs) or give its jobs more memory";
constexpr const char* discard_it =
    "copy the raw file again if its original is whole, else `alisio discard RUN.SUBRUN`";

/// The first that fits is taken: what is special stands before what is general.
constexpr KnownCause known_causes[] = {
    // The scheduler's word.
    {"out_of_memory", "", out_of_memory, TryAgain::now, "more memory was needed than was given",
     more_memory},
    {"oom-kill", "", out_of_memory, TryAgain::now, "more memory was needed than was given",
     more_memory},
    {"due to time limit", "", time_out, TryAgain::now, "it took longer than it was given",
     "raise the time limit of its stage; if it stands still, look at its log and the file system"},
    {"timeout", "", time_out, TryAgain::now, "it took longer than it was given",
     "raise the time limit of its stage; if it stands still, look at its log and the file system"},
    {"node_fail", "", transient, TryAgain::now, "its node failed", "another try does"},
    {"node failure", "", transient, TryAgain::now, "its node failed", "another try does"},
    {"preempted", "", transient, TryAgain::now, "it had to make room for others",
     "another try does"},
    {"cancelled", "", killed, TryAgain::later, "it was cancelled",
     "ask who cancelled it; `alisio retry` starts it again"},
    // Memory.
    {"out of memory", "", out_of_memory, TryAgain::now, "there was no memory left", more_memory},
    {"cannot allocate memory", "", out_of_memory, TryAgain::now, "there was no memory left",
     more_memory},
    {"there is no memory to", "", out_of_memory, TryAgain::now, "there was no memory left",
     more_memory},
    {"bad_alloc", "", out_of_memory, TryAgain::now, "there was no memory left", more_memory},
    // Disk and permissions.
    {"no space left on device", "", resource, TryAgain::later, "the disk is full",
     "make room (`alisio clean` says what can go), then `alisio retry`"},
    {"disk quota exceeded", "", resource, TryAgain::later, "the quota is used up",
     "make room or raise the quota, then `alisio retry`"},
    {"file too large", "", resource, TryAgain::later, "a limit of file sizes was met",
     "raise the limit (ulimit -f), then `alisio retry`"},
    {"read-only file system", "", resource, TryAgain::later, "the disk is read-only",
     "mount it for writing, then `alisio retry`"},
    {"permission denied", "", resource, TryAgain::later, "a permission is missing",
     "mend owner or mode of the folder that the error names, then `alisio retry`"},
    {"too many open files", "", transient, TryAgain::now, "there were too many open files",
     "run fewer jobs at a time (night.jobs) or raise the limit (ulimit -n)"},
    // File systems and locks that are away for a moment.
    {"resource temporarily unavailable", "", transient, TryAgain::now,
     "a file was locked or its file system was busy", wait_for_file_system},
    {"unable to lock file", "", transient, TryAgain::now,
     "a file was locked or its file system was busy", wait_for_file_system},
    {"database is locked", "", transient, TryAgain::now, "another process held the database",
     "another try does; if it comes back, look which process holds it"},
    {"stale file handle", "", transient, TryAgain::now, "the file system was away",
     wait_for_file_system},
    {"input/output error", "", transient, TryAgain::now, "the file system failed to answer",
     wait_for_file_system},
    {"transport endpoint", "", transient, TryAgain::now, "the file system was away",
     wait_for_file_system},
    {"connection timed out", "", transient, TryAgain::now, "a service did not answer",
     wait_for_file_system},
    {"no process can be started", "", transient, TryAgain::now, "there were too many processes",
     "run fewer jobs at a time (night.jobs)"},
    // The program.
    {"the program cannot be executed", "", configuration, TryAgain::later,
     "the program is not where it was", "check the installation and --executable"},
    {"command not found", "", configuration, TryAgain::later, "the program is not where it was",
     "check the installation and the path of the job's node"},
    {"internal error", "", bug, TryAgain::later, "the program is wrong",
     "please report it with the log; `alisio discard` or `veto` lets the night go on"},
    // Raw files.
    {"has no table events", "", bad_input, TryAgain::never, "the raw file has no table of events",
     discard_it},
    {"ends before its data does", "", bad_input, TryAgain::never, "the file is cut short",
     "wait if it is still being copied; `alisio discard RUN.SUBRUN` leaves it out"},
    {"is no whole fits file", "", bad_input, TryAgain::never, "the file is cut short",
     "wait if it is still being copied; `alisio discard RUN.SUBRUN` leaves it out"},
    {"datasum", "", bad_input, TryAgain::never, "the file's checksum differs", discard_it},
    {"cut short or damaged", "", bad_input, TryAgain::never, "the file is damaged", discard_it},
    {"the streams of the subrun", "", bad_input, TryAgain::never,
     "the four streams do not fit together", discard_it},
    {"stream 1 of subrun", "", missing_input, TryAgain::later, "a stream of the subrun is missing",
     "copy the missing raw file; `alisio discard RUN.SUBRUN` leaves the subrun out"},
    // What LSTOSA's crews know.
    {"corrected by cat-b already", "", bad_input, TryAgain::never,
     "DL1 has been corrected by Cat-B before",
     "make DL1 again: `alisio reprocess --from r0_to_dl1`"},
    {"holds no pedestals to take", "dl1ab", bad_input, TryAgain::never,
     "the subrun has no pedestals, as last subruns often have",
     "`alisio discard RUN.SUBRUN`, or dl1ab.pedestal_cleaning: false"},
    {"no calibration:", "cat_b", bad_input, TryAgain::never,
     "the interleaved events are too few for Cat-B",
     "the run goes on with Cat-A; `alisio veto RUN` if it is too short to be of use"},
    {"no calibration:", "camera_calibration", bad_input, TryAgain::never,
     "the run has too few flat-field and pedestal events",
     "an earlier calibration run serves; correct the run's type in the override of the run "
     "summary"},
    {"this is no calibration run", "", bad_input, TryAgain::never, "the run is no calibration run",
     "correct its type in the override of the run summary"},
    {"pedestal events", "find_tailcuts", bad_input, TryAgain::never,
     "the run has too few pedestals for cleaning levels of its own",
     "`alisio veto RUN` if it is too short, or steps.tailcuts: false"},
    {"events, and would be replaced by", "", missing_input, TryAgain::never,
     "fewer subruns could be made than stand in the run's product",
     "mend what keeps the missing subruns from being made; `alisio discard RUN.SUBRUN` lets the "
     "run be merged without one"},
    {"too, which would be lost", "", missing_input, TryAgain::never,
     "something that stands in the product could not be made again",
     "mend what keeps it from being made; `alisio discard RUN.SUBRUN` or `alisio veto RUN.SUBRUN` "
     "lets the product be made without it"},
    {"is there already", "", configuration, TryAgain::never,
     "a product with more events is in the way",
     "move it aside if it is not wanted: it was made by somebody else or is from a longer input"},
    {"would replace its own input", "", configuration, TryAgain::never,
     "input and product are one file", "make products and paths in the configuration differ"},
    {"drive log", "", bad_input, TryAgain::never, "the drive log does not cover the run",
     "copy the whole drive log of the night; until then `alisio hold RUN`"},
    {"no charge calibration", "", missing_input, TryAgain::later, "there is no Cat-A calibration",
     "process the calibration runs, raise calibration.look_back_days, or name the files"},
    {"no drs4 pedestal", "", missing_input, TryAgain::later, "there is no DRS4 pedestal",
     "process the DRS4 run, raise calibration.look_back_days, or name the file"},
};

/// What an exit code says when no word is known.
Failure by_exit_code(int code) {
  if (code == exit_code(ErrorKind::usage) || code == exit_code(ErrorKind::configuration))
    return {
        configuration, "the configuration or the command line is wrong",
        "mend what the error names (`alisio config --config FILE` checks it): it is tried again "
        "when the configuration has changed",
        TryAgain::never};
  if (code == exit_code(ErrorKind::missing_input))
    return {missing_input, "a file that it needs is not there",
            "bring the file that the error names, or `alisio discard` the subrun", TryAgain::later};
  if (code == exit_code(ErrorKind::bad_input))
    return {bad_input, "a file that it reads cannot be used",
            "mend or replace the file that the error names, or `alisio discard` the subrun",
            TryAgain::never};
  if (code == exit_code(ErrorKind::resource))
    return {resource, "the machine refused", "do as the error says, then `alisio retry`",
            TryAgain::now};
  if (code == exit_code(ErrorKind::incomplete))
    return {bad_input, "part of its work could not be done", "see its log for what",
            TryAgain::later};
  if (code == exit_code(ErrorKind::interrupted))
    return {killed, "it was told to stop", "another pass goes on with it", TryAgain::now};
  if (code == 125)
    return {killed, "its pass ended as it began", "another pass goes on with it", TryAgain::now};
  if (code == 126 || code == 127)
    return {configuration, "the program is not where it was", "check the installation",
            TryAgain::later};
  return {bug, "the program is wrong", "please report it with the log", TryAgain::later};
}

Failure by_signal(int signal) {
  switch (signal) {
    case SIGKILL:
      return {killed, "it was killed from outside",
              "often the kernel for want of memory (journalctl -k): run fewer jobs at a time",
              TryAgain::now};
    case SIGXCPU:
      return {time_out, "it used more processor time than it may", "raise the limit (ulimit -t)",
              TryAgain::later};
    case SIGXFSZ:
      return {resource, "a limit of file sizes was met", "raise the limit (ulimit -f)",
              TryAgain::later};
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
      return {bug, fmt::format("the program crashed ({})", strsignal(signal)),
              "please report it with the log; a full disk can be the cause of a bus error",
              TryAgain::later};
    default:
      return {killed, fmt::format("it was ended by a signal ({})", strsignal(signal)),
              "another try does", TryAgain::now};
  }
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

const KnownCause* find_cause(const std::string& said, const std::string& stage) {
  const std::string text = lower(said);
  const auto fits = [&](const KnownCause& known) {
    return (*known.stage == '\0' || known.stage == stage) &&
           text.find(known.words) != std::string::npos;
  };
  const auto* found = std::find_if(std::begin(known_causes), std::end(known_causes), fits);
  return found == std::end(known_causes) ? nullptr : found;
}

/// An error that names its own kind tells its cause itself: what else is in the log, perhaps of an
/// earlier try, would mislead.
bool tells_cause(int code) {
  return code == exit_code(ErrorKind::usage) || code == exit_code(ErrorKind::configuration) ||
         code == exit_code(ErrorKind::missing_input) || code == exit_code(ErrorKind::bad_input);
}

}  // namespace

const char* to_string(FailureClass kind) {
  switch (kind) {
    case transient:
      return "transient";
    case resource:
      return "resource";
    case out_of_memory:
      return "out of memory";
    case time_out:
      return "time-out";
    case killed:
      return "killed";
    case missing_input:
      return "missing input";
    case bad_input:
      return "bad input";
    case configuration:
      return "configuration";
    case bug:
      return "bug";
  }
  return "bug";
}

const char* to_string(TryAgain when) {
  switch (when) {
    case TryAgain::now:
      return "now";
    case TryAgain::later:
      return "later";
    case TryAgain::never:
      return "never";
  }
  return "never";
}

Failure classify(const FailedTry& ended) {
  const KnownCause* known = find_cause(ended.message, ended.stage);
  if (known == nullptr && !tells_cause(ended.exit_code))
    known = find_cause(ended.log_tail, ended.stage);
  if (known != nullptr) return {known->kind, known->cause, known->advice, known->try_again};
  const bool by_a_signal =
      ended.exit_code > signal_base && ended.exit_code != exit_code(ErrorKind::interrupted);
  return by_a_signal ? by_signal(ended.exit_code - signal_base) : by_exit_code(ended.exit_code);
}

Failure classify(const JobRecord& job) {
  return classify({job.exit_code, job.message, job.log_tail, job.key.stage});
}

}  // namespace alisio::night
