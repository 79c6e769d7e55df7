#pragma once
#include <stdexcept>
#include <string>

namespace alisio {

/// Why a job ends. Each kind has one process exit code (see exit_code) that scripts may rely on.
enum class ErrorKind {
  bug,            ///< A promise inside the program was broken.
  usage,          ///< The command line is wrong.
  configuration,  ///< A configuration file or value is wrong.
  missing_input,  ///< A file that is needed does not exist or cannot be opened.
  bad_input,      ///< A file exists but its content cannot be used.
  resource,       ///< The machine refused: disk full, out of memory, permission, lock held.
  incomplete,     ///< The command ran, but part of its work failed or is missing.
  interrupted     ///< A signal asked the program to stop.
};

/// Return the exit code of a kind: bug 1, usage 2, configuration 3, missing_input 4, bad_input 5,
/// resource 6, incomplete 7, interrupted 130.
[[nodiscard]] int exit_code(ErrorKind kind) noexcept;

/// Return the name that logs and records use, for example "bad_input".
[[nodiscard]] const char* to_string(ErrorKind kind) noexcept;

/// An error that ends the job, said in one line: what is wrong, where, and what to do.
class Error : public std::runtime_error {
 public:
  /// @param kind   decides the exit code.
  /// @param what   what is wrong, without a full stop ("the tile is cut short").
  /// @param where  file, table, byte or key concerned; may be empty.
  /// @param remedy what the user can do; may be empty.
  Error(ErrorKind kind, const std::string& what, const std::string& where = {},
        const std::string& remedy = {});

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }

 private:
  ErrorKind kind_;
  std::string problem_, where_, remedy_;
};

/// Return what the exception that is being handled means: an Error as it is, an absent file as
/// missing_input, what the machine refused (memory, a look) as resource, anything else as a bug.
/// @pre called in a catch block.
[[nodiscard]] Error current_error();

}  // namespace alisio
