#pragma once
#include <string>

#include "lib/night/state.hpp"

/// What kind of failure a job met, what to do about it, and whether to try again. A pure function
/// of how its last try ended: passes decide by it, people are told by it.
namespace alisio::night {

enum class FailureClass {
  transient,      ///< the machine or a service was not ready; nothing is wrong with the data
  resource,       ///< the machine refused: disk, quota, permission
  out_of_memory,  ///< killed or refused for want of memory
  time_out,       ///< it took longer than it was given
  killed,         ///< somebody or the system ended it
  missing_input,  ///< a file that it needs is not there (yet)
  bad_input,      ///< a file that it reads cannot be used
  configuration,  ///< the configuration or the command line is wrong
  bug             ///< a promise inside a program was broken
};
/// Return the name that tables and JSON use: "transient", "out of memory", "bad input", …
[[nodiscard]] const char* to_string(FailureClass kind);

/// When a failed job is worth another try.
enum class TryAgain {
  now,    ///< at once, within the same pass
  later,  ///< in a later pass, a few times
  never   ///< when an input, the configuration or the program has changed, or a person says so
};
[[nodiscard]] const char* to_string(TryAgain when);

/// How a try of a job ended.
struct FailedTry {
  int exit_code = 0;     ///< of the process; 128 + signal if one ended it
  std::string message;   ///< its error, one line
  std::string log_tail;  ///< the last lines that it wrote
  std::string stage;     ///< the advice of some causes is for some stages
};

struct Failure {
  FailureClass kind = FailureClass::bug;
  std::string cause;   ///< a few words
  std::string advice;  ///< what to do, one line
  TryAgain try_again = TryAgain::later;
};

/// Recognise a failure by the table of known causes, else by its exit code.
[[nodiscard]] Failure classify(const FailedTry& ended);
[[nodiscard]] Failure classify(const JobRecord& job);

}  // namespace alisio::night
