#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/io/hdf5/file.hpp"
#include "lib/io/hdf5/table.hpp"

/// What `alisio show` is made of: one function for each kind of file, and how they print.
namespace alisio::apps::show {

struct Request {
  std::filesystem::path file, image;  ///< image may be empty
  std::optional<std::int64_t> event;
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
/// Say what one stream of raw data holds.
int show_raw(const Request& request);

/// Refuse --event, --first-shower and --image for a file that has no images.
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

/// Return what the file's attributes say of its making: software, activity, inputs.
[[nodiscard]] nlohmann::ordered_json made_by(const hdf5::File& file);
/// Print it.
void print_maker(const nlohmann::ordered_json& maker);

}  // namespace alisio::apps::show
