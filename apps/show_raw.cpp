#include <fmt/format.h>

#include <iostream>

#include "apps/show.hpp"
#include "calib/r0/input_state.hpp"
#include "lib/base/error.hpp"
#include "lib/io/zfits/zfits.hpp"

namespace alisio::apps::show {
namespace {

using nlohmann::ordered_json;

/// Return an integer of the first row of a table, by path of protobuf field numbers.
std::optional<std::uint64_t> integer_setting(const zfits::Table& table, const char* field) {
  const auto column = table.find_field(field);
  if (!column || table.row_count() == 0) return std::nullopt;
  zfits::DecodedColumn decoded;
  table.decode(0, *column, decoded);
  const std::size_t bytes = decoded.row(0).size();
  if (bytes == sizeof(std::uint64_t)) return decoded.item<std::uint64_t>(0);
  if (bytes == sizeof(std::uint32_t)) return decoded.item<std::uint32_t>(0);
  if (bytes == sizeof(std::uint16_t)) return decoded.item<std::uint16_t>(0);
  return std::nullopt;
}

}  // namespace

int show_raw(const Request& request) {
  refuse_images(request, "raw data holds no calibrated images",
                "run alisio r0-to-dl1 and show the DL1 file");
  const zfits::File file = zfits::File::open(request.file);
  if (file.table_names().empty())
    throw Error(ErrorKind::bad_input, "holds no zfits table", request.file.string(),
                "alisio show reads DL1 and DL2 files and raw zfits files");
  const bool r1v1 = file.has_table("CameraConfiguration");
  const bool known = r1v1 || file.has_table("CameraConfig");
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "R0";
  facts["format"] = !known ? "unknown" : r1v1 ? "R1v1" : "ProtoR1";
  if (known) {
    const zfits::Table& camera = file.table(r1v1 ? "CameraConfiguration" : "CameraConfig");
    if (const auto telescope = integer_setting(camera, "1")) facts["telescope"] = *telescope;
    if (const auto run = integer_setting(camera, r1v1 ? "2" : "3")) facts["run"] = *run;
  }
  if (known) facts["state"] = calib::to_string(calib::read_input_state(request.file));
  facts["tables"] = ordered_json::array();
  std::vector<std::vector<std::string>> cells;
  for (const std::string& name : file.table_names()) {
    const zfits::Table& table = file.table(name);
    facts["tables"].push_back({{"name", name},
                               {"rows", table.row_count()},
                               {"tiles", table.tile_count()},
                               {"columns", table.columns().size()},
                               {"message", table.message_class()}});
    cells.push_back({name, std::to_string(table.row_count()), std::to_string(table.tile_count()),
                     std::to_string(table.columns().size()), table.message_class()});
  }
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts({{"file", request.file.string()},
               {"level", "R0, one stream of raw data"},
               {"format", facts["format"].get<std::string>()},
               {"state", facts.value("state", std::string())},
               {"telescope", facts.contains("telescope") ? facts["telescope"].dump() : ""},
               {"run", facts.contains("run") ? facts["run"].dump() : ""}});
  std::cout << '\n';
  print_table({"table", "rows", "tiles", "columns", "message"}, cells);
  return 0;
}

}  // namespace alisio::apps::show
