#include <filesystem>
#include <fstream>

#include "apps/command_line.hpp"
#include "apps/commands.hpp"
#include "apps/show.hpp"
#include "lib/base/error.hpp"

namespace alisio::apps {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

enum class FileKind { hdf5, fits, other };

FileKind kind_of(const fs::path& path) {
  std::error_code unreadable;
  if (fs::is_directory(path, unreadable))
    throw Error(ErrorKind::usage, "is a folder", path.string(), "give one file");
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw Error(ErrorKind::missing_input, "cannot be opened", path.string(),
                "check the name and the permissions");
  std::string head(9, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  if (head.starts_with("\x89HDF\r\n\x1a\n")) return FileKind::hdf5;
  if (head == "SIMPLE  =") return FileKind::fits;
  return FileKind::other;
}

int show_hdf5(const show::Request& request) {
  const hdf5::File file = hdf5::File::open(request.file);
  return show::has_events(file) ? show::show_events(request, file)
                                : show::show_constants(request, file);
}

}  // namespace

int run_show_command(const std::vector<std::string>& arguments, const Program&) {
  show::Request request;
  po::options_description options("Options");
  options.add_options()("file", po::value<std::string>(), "the file (the positional argument)")(
      "event", po::value<std::int64_t>(), "show one event in full, by its event_id")(
      "first-shower", po::bool_switch(&request.first_shower),
      "show the first shower above 300 p.e. and 20 pixels, else the brightest one")(
      "image", po::value<std::string>(), "write the camera image of that event, SVG")(
      "rows", po::value<std::int64_t>()->default_value(5), "rows of the short table")(
      "json", po::bool_switch(&request.json), "print as JSON");
  po::positional_options_description positional;
  positional.add("file", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "show",
       .synopsis = "FILE [--event ID | --first-shower] [--image OUT.svg] [--rows N] [--json]",
       .text =
           "Says what a file holds: DL1, DL2 or constants, ours or lstchain's, or one stream of\n"
           "raw data.\n"
           "With --event or --first-shower, one event in full; with --image, its picture.",
       .examples = "  alisio show calibration_filters_52.Run11219.0000.h5\n"
                   "  alisio show dl1_LST-1.Run11220.0000.h5 --first-shower --image shower.svg\n"
                   "  alisio show dl2_LST-1.Run11220.0000.h5 --rows 20"},
      options, positional);
  if (!values) return 0;
  if (values->count("file") == 0)
    throw Error(ErrorKind::usage, "a file is needed", "alisio show", "see --help");
  request.file = (*values)["file"].as<std::string>();
  if (values->count("event") != 0) request.event = (*values)["event"].as<std::int64_t>();
  if (request.event && request.first_shower)
    throw Error(ErrorKind::usage, "--event and --first-shower exclude each other", "alisio show",
                "give one of them");
  if (values->count("image") != 0) request.image = (*values)["image"].as<std::string>();
  const auto rows = (*values)["rows"].as<std::int64_t>();
  if (rows < 0)
    throw Error(ErrorKind::usage, "must not be negative", "--rows", "give a number of rows");
  request.rows = static_cast<std::size_t>(rows);
  switch (kind_of(request.file)) {
    case FileKind::hdf5:
      return show_hdf5(request);
    case FileKind::fits:
      return show::show_raw(request);
    case FileKind::other:
      break;
  }
  throw Error(ErrorKind::bad_input, "is neither HDF5 nor FITS", request.file.string(),
              "alisio show reads HDF5 files (DL1, DL2, constants) and raw zfits files");
}

}  // namespace alisio::apps
