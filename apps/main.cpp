#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "apps/commands.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/suggest.hpp"
#include "lib/base/version.hpp"

namespace alisio::apps {
namespace {

void print_help() {
  std::cout << "Usage: alisio COMMAND [options]\n\n"
               "The on-site pipeline of the Large-Sized Telescope: raw camera data to "
               "reconstructed events,\n"
               "with the provenance of every file.\n\nCommands:\n";
  for (const Command& command : commands())
    std::cout << fmt::format("  {:<14} {}\n", command.name, command.summary);
  std::cout
      << "\nGeneral options:\n"
         "  --help                 this text; after a command, that command's\n"
         "  --version              version and commit\n"
         "  --log-level LEVEL      trace, debug, info, warning or error (default info)\n"
         "  --log-format FORMAT    text or json\n\n"
         "Environment:\n"
         "  ALISIO_CFG             folder of camera data and definitions (default: the program's)\n"
         "  ALISIO_CHROMIUM        browser that prints PDF (default: the first one on PATH)\n\n"
         "Exit codes: 0 done, 1 a bug, 2 wrong command line, 3 wrong configuration, 4 missing "
         "input,\n"
         "5 unusable input, 6 the machine refused (disk, permission, lock), 7 partly failed,\n"
         "130 interrupted.\n";
}

/// Take `--name VALUE` or `--name=VALUE` out of the arguments, wherever it stands.
std::string take_option(std::vector<std::string>& arguments, const std::string& name,
                        std::string value) {
  for (auto at = arguments.begin(); at != arguments.end();) {
    if (*at == name) {
      if (at + 1 == arguments.end()) throw Error(ErrorKind::usage, name + " needs a value");
      value = *(at + 1);
      at = arguments.erase(at, at + 2);
    } else if (at->starts_with(name + "=")) {
      value = at->substr(name.size() + 1);
      at = arguments.erase(at);
    } else {
      ++at;
    }
  }
  return value;
}

int run(int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string level = take_option(arguments, "--log-level", "info");
  const std::string format = take_option(arguments, "--log-format", "text");
  if (format != "text" && format != "json")
    throw Error(ErrorKind::usage, "unknown log format '" + format + "'", "", "known: text, json");
  // Before the level is looked at, so that a complaint about it has the format that was asked for.
  const LogFormat log_format = format == "json" ? LogFormat::json : LogFormat::text;
  set_up_logging("info", log_format);
  set_up_logging(level, log_format);
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    print_help();
    return arguments.empty() ? exit_code(ErrorKind::usage) : 0;
  }
  if (arguments[0] == "--version") {
    const BuildInfo& build = build_info();
    std::cout << fmt::format("alisio {} ({}{}, {}, {})\n", build.version, build.commit,
                             build.dirty ? ", with uncommitted changes" : "", build.compiler,
                             build.build_type);
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (command.name == arguments[0])
      return command.run({arguments.begin() + 1, arguments.end()},
                         locate_program(argv[0], {argv, argv + argc}));
    names.push_back(command.name);
  }
  throw Error(ErrorKind::usage, fmt::format("unknown command '{}'", arguments[0]), "alisio",
              suggestion(arguments[0], names));
}

/// What reads our output must not take half of it for all of it.
/// @throws Error(resource) if standard output took not all of what was printed.
void expect_all_was_said() {
  if (std::cout.flush() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  // A reader that went away wanted no more.
  pollfd reader{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR) != 0) return;
  throw Error(ErrorKind::resource, "not all of the output could be written", "standard output",
              "is its disk full?");
}

/// A file that is opened while standard error is closed would take its number, and log lines with
/// it. What cannot be printed is an error as on a full disk, so standard output is open for
/// reading.
void hold_standard_files() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(file, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", file == STDERR_FILENO ? O_WRONLY : O_RDONLY));
}

}  // namespace
}  // namespace alisio::apps

int main(int argc, char** argv) {
  alisio::apps::hold_standard_files();
  // A reader of our output that goes away (head, less) is no reason to die without a word.
  std::signal(SIGPIPE, SIG_IGN);
  // Past the limit of a file's size, writing fails with a reason instead.
  std::signal(SIGXFSZ, SIG_IGN);
  // Inherited as ignored, it would leave no word of how our own processes ended.
  std::signal(SIGCHLD, SIG_DFL);
  try {
    const int code = alisio::apps::run(argc, argv);
    alisio::apps::expect_all_was_said();
    return code;
  } catch (...) {
    const alisio::Error error = alisio::current_error();
    spdlog::error("{}", error.what());
    return alisio::exit_code(error.kind());
  }
}
