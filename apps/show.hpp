#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/instrument/camera.hpp"
#include "lib/io/hdf5/file.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/plot/drawing.hpp"

/// What `alisio show` is made of: one function for each kind of file, and how they print.
namespace alisio::apps::show {

struct Request {
  std::filesystem::path file, output;  ///< output: the drawing to write; may be empty
  std::filesystem::path cfg_folder;    ///< the program's camera data
  std::optional<std::int64_t> event;
  std::vector<std::int64_t> pixels;  ///< whose waveforms are drawn; empty: the brightest
  bool first_shower = false;
  std::size_t rows = 5;
  bool json = false;
};

/// Say what a DL1 or DL2 file holds. @return the exit code
int show_events(const Request& request, const hdf5::File& file);
/// Whether the file has a DL1 or DL2 parameters table.
[[nodiscard]] bool has_events(const hdf5::File& file);
/// Say what any other HDF5 file holds: constants, interleaved events, pedestal ids.
int show_constants(const Request& request, const hdf5::File& file);
/// Say what a file of interleaved events holds; draw the calibrated waveforms of one.
int show_interleaved(const Request& request, const hdf5::File& file);
/// Say what a data check holds: of a subrun, a run or a night.
int show_check(const Request& request, const hdf5::File& file);
/// Say what a long-term table holds.
int show_long_term(const Request& request, const hdf5::File& file);
/// Say what one stream of raw data holds; draw the waveforms of an event.
int show_raw(const Request& request);
/// Say what a plain FITS file holds: muon rings, or constants of early years.
int show_fits(const Request& request);
/// Say what a text file holds: a run summary, a provenance document or journal, cleaning levels, a
/// report. @throws Error(bad_input) if it is none of them.
int show_text(const Request& request);

/// Refuse --event, --first-shower, --pixel and --output for a file that has no images.
/// @throws Error(usage) with `remedy`.
void refuse_images(const Request& request, const std::string& what, const std::string& remedy);

[[nodiscard]] std::string event_type_name(std::int64_t type);
/// Return an instant as ISO text to the millisecond. @param unix_s UTC
[[nodiscard]] std::string utc_text(double unix_s);
/// Whole numbers as they are, others with the digits that a reader can use.
[[nodiscard]] std::string cell_text(const nlohmann::ordered_json& value);
/// Print rows under their headings, flush right; the first column flush left if it holds names.
void print_table(const std::vector<std::string>& headings,
                 const std::vector<std::vector<std::string>>& rows, bool first_flush_left = false);
/// Print names and values in two columns; empty values are left out.
void print_facts(const std::vector<std::pair<std::string, std::string>>& facts);
void print_json(const nlohmann::ordered_json& facts);

/// Return the text of an attribute or card, empty if there is none of that name.
using Attributes = std::function<std::string(const std::string& name)>;
/// Return what attributes say of a file's making: software, activity, inputs.
[[nodiscard]] nlohmann::ordered_json maker_of(const Attributes& attribute);
/// The same of the attributes of an HDF5 file.
[[nodiscard]] nlohmann::ordered_json made_by(const hdf5::File& file);
/// Print it.
void print_maker(const nlohmann::ordered_json& maker);

/// Return the configuration that is kept in the attribute `config` of the first of some objects
/// that has it; null if none has. A text that is no JSON is returned as text.
[[nodiscard]] nlohmann::ordered_json configuration_of(const hdf5::File& file,
                                                      const std::vector<std::string>& objects);
/// Return the configuration in one line: the cleaning levels, or the names of its blocks.
[[nodiscard]] std::string configuration_line(const nlohmann::ordered_json& configuration);

/// Return the names of the files that a merged or re-cleaned file was made of; empty if it does not
/// say.
[[nodiscard]] std::vector<std::string> sources_of(const hdf5::File& file);
/// Return "Run 11220, subrun 0" as the name of a file tells; empty if it tells none.
[[nodiscard]] std::string name_line(const std::filesystem::path& file);
/// Put run and subrun into facts as far as the name of the file tells them.
void add_name_facts(nlohmann::ordered_json& facts, const std::filesystem::path& file);

/// Return the camera that a file carries. @throws Error(bad_input) if it carries none.
[[nodiscard]] instrument::CameraGeometry read_geometry(const hdf5::File& file);

/// An altitude and azimuth for people, "alt 70.00, az 180.00 deg". Empty if one is NaN.
[[nodiscard]] std::string pointing_text(double altitude_rad, double azimuth_rad);

/// Write a drawing as what its name says: .svg or .png.
void write_drawing(const plot::Drawing& drawing, const std::filesystem::path& path);
/// Refuse other names, before anything is computed. @throws Error(usage).
void check_drawing_name(const std::filesystem::path& path);

/// Return the pixels whose waveforms are drawn: those asked for, or the brightest.
/// @throws Error(usage) for a pixel that the camera does not have.
[[nodiscard]] std::vector<std::size_t> pixels_to_draw(const Request& request,
                                                      const std::vector<double>& image);

}  // namespace alisio::apps::show
