#include "lib/base/error.hpp"

#include <exception>
#include <filesystem>
#include <new>
#include <system_error>

namespace alisio {
namespace {

std::string one_line(const std::string& what, const std::string& where, const std::string& remedy) {
  std::string line = where.empty() ? what : where + ": " + what;
  if (!remedy.empty()) line += " (" + remedy + ")";
  for (char& c : line)
    if (c == '\n') c = ' ';
  return line;
}

}  // namespace

int exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::bug:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::configuration:
      return 3;
    case ErrorKind::missing_input:
      return 4;
    case ErrorKind::bad_input:
      return 5;
    case ErrorKind::resource:
      return 6;
    case ErrorKind::incomplete:
      return 7;
    case ErrorKind::interrupted:
      return 130;
  }
  return 1;
}

const char* to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::bug:
      return "bug";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::configuration:
      return "configuration";
    case ErrorKind::missing_input:
      return "missing_input";
    case ErrorKind::bad_input:
      return "bad_input";
    case ErrorKind::resource:
      return "resource";
    case ErrorKind::incomplete:
      return "incomplete";
    case ErrorKind::interrupted:
      return "interrupted";
  }
  return "bug";
}

Error::Error(ErrorKind kind, const std::string& what, const std::string& where,
             const std::string& remedy)
    : std::runtime_error(one_line(what, where, remedy)),
      kind_(kind),
      problem_(what),
      where_(where),
      remedy_(remedy) {}

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::resource, "out of memory", "", "use fewer threads"};
  } catch (const std::filesystem::filesystem_error& refused) {
    const bool absent = refused.code() == std::errc::no_such_file_or_directory;
    std::string where = refused.path1().string();
    if (!refused.path2().empty()) where += " or " + refused.path2().string();
    return {absent ? ErrorKind::missing_input : ErrorKind::resource,
            "the system refuses it: " + refused.code().message(), where,
            "check the disk and the permissions of the folders above"};
  } catch (const std::exception& other) {
    return {ErrorKind::bug, std::string("internal error: ") + other.what(), "", "please report it"};
  }
}

}  // namespace alisio
