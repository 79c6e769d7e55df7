#include <cstdlib>
#include <filesystem>

#include "apps/commands.hpp"
#include "lib/base/error.hpp"

namespace alisio::apps {
namespace fs = std::filesystem;

Program locate_program(const std::string& argv0, std::vector<std::string> command_line) {
  Program program;
  std::error_code unreadable;
  program.executable = fs::read_symlink("/proc/self/exe", unreadable);
  if (unreadable) program.executable = fs::absolute(argv0);
  program.command_line = std::move(command_line);
  const fs::path folder = program.executable.parent_path();
  std::vector<fs::path> places{folder / "../share/alisio/cfg", folder / "../../cfg",
                               folder / "../cfg"};
  if (const char* chosen = std::getenv("ALISIO_CFG")) places = {chosen};
  for (const fs::path& place : places)
    if (fs::exists(place / "camera")) {
      program.cfg_folder = fs::canonical(place);
      return program;
    }
  throw Error(ErrorKind::missing_input, "the folder cfg with the camera data is not found",
              places.front().lexically_normal().string(), "set ALISIO_CFG to it");
}

}  // namespace alisio::apps
