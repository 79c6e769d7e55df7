#include <algorithm>
#include <filesystem>
#include <fstream>

#include "apps/command_line.hpp"
#include "apps/commands.hpp"
#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/io/fits/header.hpp"

namespace alisio::apps {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

enum class FileKind { hdf5, zfits, fits, text, other };

FileKind kind_of(const fs::path& path) {
  std::error_code unreadable;
  if (fs::is_directory(path, unreadable))
    throw Error(ErrorKind::usage, "is a folder", path.string(), "give one file");
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw Error(ErrorKind::missing_input, "cannot be opened", path.string(),
                "check the name and the permissions");
  std::string head(4096, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  if (head.empty())
    throw Error(ErrorKind::bad_input, "is empty", path.string(), "make or copy the file again");
  if (head.starts_with("\x89HDF\r\n\x1a\n")) return FileKind::hdf5;
  if (head.starts_with("SIMPLE  =")) {
    const auto hdus = fits::read_hdus(fits::ByteSource::open(path));
    const bool compressed = std::ranges::any_of(
        hdus, [](const fits::Hdu& hdu) { return hdu.header.logical("ZTABLE").value_or(false); });
    return compressed ? FileKind::zfits : FileKind::fits;
  }
  if (head.starts_with("\x1f\x8b")) return FileKind::fits;  // .fits.gz
  return head.find('\0') == std::string::npos ? FileKind::text : FileKind::other;
}

int show_hdf5(const show::Request& request) {
  const hdf5::File file = hdf5::File::open(request.file);
  if (show::has_events(file)) return show::show_events(request, file);
  if (file.exists("/dl1datacheck")) return show::show_check(request, file);
  if (file.exists("/runsummary/table")) return show::show_long_term(request, file);
  if (file.exists("/r1/event/telescope/tel_001") && file.exists("/dl1/event/subarray/trigger"))
    return show::show_interleaved(request, file);
  return show::show_constants(request, file);
}

}  // namespace

int run_show_command(const std::vector<std::string>& arguments, const Program& program) {
  show::Request request;
  request.cfg_folder = program.cfg_folder;
  po::options_description options("Options");
  options.add_options()("file", po::value<std::string>(), "the file (the positional argument)")(
      "event", po::value<std::int64_t>(), "show one event in full, by its event_id")(
      "pixel", po::value<std::vector<std::int64_t>>(&request.pixels)->multitoken()->composing(),
      "pixels whose waveforms are drawn (default: the four brightest)")(
      "first-shower", po::bool_switch(&request.first_shower),
      "show the first shower above 300 p.e. and 20 pixels, else the brightest one")(
      "output", po::value<std::string>(), "draw that event into this file, .svg or .png")(
      "rows", po::value<std::int64_t>()->default_value(5), "rows of the short table")(
      "json", po::bool_switch(&request.json), "print as JSON");
  po::positional_options_description positional;
  positional.add("file", 1);
  const auto values = parse_arguments(
      arguments,
      {.name = "show",
       .synopsis = "FILE [--event ID | --first-shower] [--output OUT.svg|OUT.png] [options]",
       .text = "Says what a file holds: raw data, constants, interleaved events, DL1, DL2, muon "
               "rings,\n"
               "data checks, long-term tables, run summaries, provenance; ours or lstchain's.\n"
               "With --event or --first-shower, one event in full; with --output, drawn: the "
               "images of\n"
               "DL1, the waveforms and their sum of raw data and of interleaved events.",
       .examples =
           "  alisio show calibration_filters_52.Run11219.0000.h5\n"
           "  alisio show dl1_LST-1.Run11220.0000.h5 --first-shower --output shower.svg\n"
           "  alisio show LST-1.1.Run11220.0000.fits.fz --event 7 --pixel 5 6 --output a.png\n"
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
  if (values->count("output") != 0) {
    request.output = (*values)["output"].as<std::string>();
    show::check_drawing_name(request.output);
  }
  const auto rows = (*values)["rows"].as<std::int64_t>();
  if (rows < 0)
    throw Error(ErrorKind::usage, "must not be negative", "--rows", "give a number of rows");
  request.rows = static_cast<std::size_t>(rows);
  switch (kind_of(request.file)) {
    case FileKind::hdf5:
      return show_hdf5(request);
    case FileKind::zfits:
      return show::show_raw(request);
    case FileKind::fits:
      return show::show_fits(request);
    case FileKind::text:
      if (const std::string suffix = request.file.extension().string();
          suffix == ".h5" || suffix == ".hdf5" || suffix == ".fits" || suffix == ".fz")
        throw Error(ErrorKind::bad_input,
                    suffix.starts_with(".h") ? "is text, not HDF5" : "is text, not FITS",
                    request.file.string(), "make or copy the file again");
      return show::show_text(request);
    case FileKind::other:
      break;
  }
  throw Error(ErrorKind::bad_input, "is neither HDF5, FITS nor text", request.file.string(),
              "alisio show reads the products of alisio and lstchain, and raw zfits files");
}

}  // namespace alisio::apps
