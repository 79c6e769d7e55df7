#include "lib/io/text/source_catalogue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/suggest.hpp"
#include "lib/io/text/ecsv.hpp"

namespace alisio::text {
namespace fs = std::filesystem;
namespace {

constexpr const char* remedy =
    "give a table with the columns name, ra_deg, dec_deg (ICRS, degrees)";

/// What counts of a name.
std::string key_of(std::string_view name) {
  std::string key;
  for (const char c : name)
    if (c != ' ' && c != '_' && c != '\t') key += char(std::tolower(static_cast<unsigned char>(c)));
  return key;
}

std::vector<std::string> aliases_of(const std::string& cell) {
  std::vector<std::string> aliases;
  std::istringstream in(cell);
  for (std::string alias; std::getline(in, alias, ';');) {
    const std::size_t first = alias.find_first_not_of(' ');
    if (first == std::string::npos) continue;
    aliases.push_back(alias.substr(first, alias.find_last_not_of(' ') - first + 1));
  }
  return aliases;
}

}  // namespace

std::vector<Source> read_source_catalogue(const fs::path& file) {
  const EcsvTable table = EcsvTable::read_csv(file);
  for (const char* column : {"name", "ra_deg", "dec_deg"})
    if (!table.has_column(column))
      throw Error(ErrorKind::bad_input, fmt::format("has no column '{}'", column), file.string(),
                  remedy);
  std::vector<Source> sources;
  std::map<std::string, std::string> known;
  for (std::size_t row = 0; row < table.row_count(); ++row) {
    Source source;
    source.name = table.text(row, "name");
    source.ra_deg = table.number(row, "ra_deg");
    source.dec_deg = table.number(row, "dec_deg");
    if (table.has_column("aliases")) source.aliases = aliases_of(table.text(row, "aliases"));
    const std::string where = fmt::format("{}, source '{}'", file.string(), source.name);
    if (key_of(source.name).empty())
      throw Error(ErrorKind::bad_input, fmt::format("row {} names no source", row + 1),
                  file.string(), remedy);
    const bool on_sphere =
        source.ra_deg >= 0 && source.ra_deg < 360 && source.dec_deg >= -90 && source.dec_deg <= 90;
    if (!on_sphere)
      throw Error(ErrorKind::bad_input,
                  fmt::format("ra {}, dec {} is no position", source.ra_deg, source.dec_deg), where,
                  "right ascension is within [0, 360) and declination within [-90, 90] degrees");
    std::vector<std::string> names{source.name};
    names.insert(names.end(), source.aliases.begin(), source.aliases.end());
    for (const std::string& name : names)
      if (const auto [other, is_new] = known.emplace(key_of(name), source.name);
          !is_new && other->second != source.name)
        throw Error(ErrorKind::bad_input, fmt::format("'{}' names '{}' too", name, other->second),
                    where, "give every source names of its own");
    sources.push_back(std::move(source));
  }
  return sources;
}

std::optional<Source> find_source(const std::vector<Source>& catalogue, std::string_view name) {
  const std::string key = key_of(name);
  for (const Source& source : catalogue) {
    if (key_of(source.name) == key) return source;
    for (const std::string& alias : source.aliases)
      if (key_of(alias) == key) return source;
  }
  return std::nullopt;
}

Source source_of_name(const std::vector<Source>& catalogue, std::string_view name,
                      const fs::path& where) {
  if (auto source = find_source(catalogue, name)) return *std::move(source);
  std::vector<std::string> names;
  for (const Source& source : catalogue) names.push_back(source.name);
  throw Error(ErrorKind::usage, fmt::format("has no source '{}'", name), where.string(),
              suggestion(name, names));
}

std::optional<NearSource> nearest_source(const std::vector<Source>& catalogue,
                                         const sky::Equatorial& direction) {
  const auto distance = [&](const Source& source) {
    return sky::separation_deg(direction, {source.ra_deg, source.dec_deg});
  };
  const auto nearest = std::ranges::min_element(catalogue, {}, distance);
  if (nearest == catalogue.end()) return std::nullopt;
  return NearSource{*nearest, distance(*nearest)};
}

}  // namespace alisio::text
