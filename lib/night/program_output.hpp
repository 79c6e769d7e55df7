#pragma once
#include <string>
#include <vector>

namespace alisio::night {

/// What a program said and how it ended.
struct ProgramOutput {
  int exit_code = 0;  ///< as it gave it, 128 + signal, or 127 if it cannot be executed
  bool timed_out = false;
  std::string out, err;
};

/// Run a program to its end, without a shell, its standard input empty.
/// @param words the program, looked for in PATH if it has no slash, and its arguments
/// @param patience_s after which it is killed with all that it started, seconds
/// @throws Error(resource) if no process can be made, or it says more than 64 MB.
[[nodiscard]] ProgramOutput run_program(const std::vector<std::string>& words, double patience_s);

}  // namespace alisio::night
