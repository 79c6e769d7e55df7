#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <optional>

#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/base/median.hpp"

namespace alisio::apps::show {
namespace {

using nlohmann::ordered_json;

/// A kind of file, and the object by which it is known.
struct Kind {
  const char* object;
  const char* name;
};

constexpr Kind kinds[] = {
    {"/r1/monitoring/drs4_baseline/tel_001", "DRS4 pedestal"},
    {"/tel_1/calibration", "charge calibration"},
    {"/fan", "DRS4 time calibration"},
    {"/interleaved_pedestal_ids", "ids of interleaved pedestals"},
    {"/r1/event/telescope/tel_001", "interleaved events, calibrated waveforms"},
    {"/B_term", "F-factor systematics"},
};

/// Groups that say how a file came to be, not what it holds.
bool is_about_the_file(const std::string& name) {
  return name == "provenance" || name == "configuration" || name == "source_filenames";
}

/// Return the paths of all tables and arrays below a group, in order.
void collect(const hdf5::File& file, const std::string& group, std::vector<std::string>& paths) {
  for (const std::string& name : file.members(group.empty() ? "/" : group)) {
    if (name.starts_with("_i_") || (group.empty() && is_about_the_file(name))) continue;
    const std::string path = group + '/' + name;
    const hdf5::ObjectKind kind = file.kind_of(path);
    if (kind == hdf5::ObjectKind::group)
      collect(file, path, paths);
    else if (kind != hdf5::ObjectKind::other)
      paths.push_back(path);
  }
}

/// What the values of one gain, or of a whole array, come to.
struct Spread {
  double low = std::numeric_limits<double>::quiet_NaN(), median = low, high = low;
  std::size_t not_finite = 0, not_zero = 0;
};

Spread spread_of(std::vector<double> values) {
  Spread spread;
  const auto end = std::partition(values.begin(), values.end(),
                                  [](double value) { return std::isfinite(value); });
  spread.not_finite = std::size_t(values.end() - end);
  values.erase(end, values.end());
  spread.not_zero = values.size() - std::size_t(std::count(values.begin(), values.end(), 0.0));
  if (values.empty()) return spread;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  spread.low = *low;
  spread.high = *high;
  spread.median = upper_median(std::move(values));
  return spread;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const std::size_t n : shape) text += (text.empty() ? "" : " x ") + std::to_string(n);
  return text.empty() ? "1" : text;
}

/// What is told of one table or array.
struct Section {
  std::string path;
  std::optional<std::uint64_t> rows;  ///< of a table
  ordered_json quantities = ordered_json::array();
  std::vector<std::vector<std::string>> cells;  ///< the same, to print

  /// Describe an array: each gain by itself where the first dimension is the gain's.
  void add(const std::string& name, const std::vector<std::size_t>& shape, const std::string& unit,
           bool is_flag, const std::vector<double>& values) {
    const bool by_gain = shape.size() > 1 && shape.front() == 2;
    const std::size_t parts = by_gain ? 2 : 1, n = values.size() / parts;
    for (std::size_t part = 0; part < parts; ++part) {
      const auto begin = values.begin() + std::ptrdiff_t(part * n);
      const Spread spread = spread_of({begin, begin + std::ptrdiff_t(n)});
      ordered_json item{{"name", name}, {"shape", shape}};
      if (by_gain) item["gain"] = part == 0 ? "high" : "low";
      std::vector<std::string> line{name, by_gain ? (part == 0 ? "high" : "low") : "",
                                    shape_text(shape)};
      if (is_flag) {
        item["set"] = spread.not_zero;
        line.insert(line.end(), {"", fmt::format("{} set", spread.not_zero), ""});
      } else {
        for (const auto& [key, value] :
             {std::pair{"min", spread.low}, std::pair{"median", spread.median},
              std::pair{"max", spread.high}}) {
          item[key] = std::isfinite(value) ? ordered_json(value) : ordered_json();
          line.push_back(cell_text(item[key]));
        }
        if (spread.not_finite > 0) item["not_finite"] = spread.not_finite;
      }
      if (!unit.empty()) item["unit"] = unit;
      line.push_back(unit);
      line.push_back(spread.not_finite > 0 ? fmt::format("{} not finite", spread.not_finite) : "");
      quantities.push_back(std::move(item));
      cells.push_back(std::move(line));
    }
  }
};

/// Bring the rows of each gain together: [row][gain][…] becomes [gain][row][…].
std::vector<double> gains_first(const std::vector<double>& values, std::size_t items) {
  const std::size_t rows = values.size() / items, half = items / 2;
  std::vector<double> sorted(values.size());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < items; ++i)
      sorted[(i / half) * half * rows + row * half + i % half] = values[row * items + i];
  return sorted;
}

Section describe(const hdf5::File& file, const std::string& path) {
  Section section;
  section.path = path;
  if (file.kind_of(path) == hdf5::ObjectKind::array) {
    std::vector<std::size_t> shape;
    const std::vector<double> values = file.read_array(path, &shape);
    section.add(path.substr(path.rfind('/') + 1), shape, "", false, values);
    return section;
  }
  const hdf5::TableReader table(file, path);
  // Long tables hold events, not constants: their first rows tell what they are like.
  constexpr std::uint64_t most_rows = 100;
  section.rows = table.row_count();
  const hdf5::Rows rows = table.read(0, std::size_t(std::min(table.row_count(), most_rows)));
  for (const hdf5::ColumnInfo& column : table.columns()) {
    if (column.type == hdf5::ScalarType::text || rows.size() == 0) continue;
    std::vector<std::size_t> shape = column.shape;
    std::vector<double> values = rows.arrays<double>(column.name);
    const bool by_gain = shape.size() > 1 && shape.front() == 2;
    if (rows.size() > 1) {
      if (by_gain) values = gains_first(values, column.items);
      shape.insert(shape.begin() + (by_gain ? 1 : 0), rows.size());
    }
    section.add(column.name, shape, column.unit, column.type == hdf5::ScalarType::boolean, values);
  }
  return section;
}

}  // namespace

int show_constants(const Request& request, const hdf5::File& file) {
  const Kind* kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& candidate) {
    return file.exists(candidate.object);
  });
  std::vector<std::string> paths;
  collect(file, "", paths);
  if (paths.empty())
    throw Error(ErrorKind::bad_input, "holds no table and no array", request.file.string(),
                "alisio show reads DL1, DL2 and constants, and raw zfits files");
  refuse_images(request, "holds no camera images", "give a DL1 file");

  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = kind == std::end(kinds) ? "unknown" : kind->name;
  facts["made_by"] = made_by(file);
  facts["objects"] = ordered_json::array();
  std::vector<Section> sections;
  for (const std::string& path : paths) {
    const Section& section = sections.emplace_back(describe(file, path));
    ordered_json object{{"path", path}};
    if (section.rows) object["rows"] = *section.rows;
    object["quantities"] = section.quantities;
    facts["objects"].push_back(std::move(object));
  }
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts({{"file", request.file.string()}, {"level", facts["level"].get<std::string>()}});
  print_maker(facts["made_by"]);
  for (const Section& section : sections) {
    std::cout << fmt::format(
        "\n{}{}\n", section.path,
        section.rows ? fmt::format(", {} row{}", *section.rows, *section.rows == 1 ? "" : "s")
                     : "");
    print_table({"quantity", "gain", "shape", "min", "median", "max", "unit", ""}, section.cells,
                true);
  }
  return 0;
}

}  // namespace alisio::apps::show
