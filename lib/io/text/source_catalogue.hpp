#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sky/icrs.hpp"

namespace alisio::text {

/// A gamma-ray source and where it is.
struct Source {
  std::string name;
  double ra_deg = 0, dec_deg = 0;    ///< ICRS
  std::vector<std::string> aliases;  ///< other names of it
};

/// Read a table of sources: ECSV, or CSV whose first line names the columns. Columns: name, ra_deg,
/// dec_deg (ICRS) and, if wished, aliases (separated by ';'); others are not looked at.
/// @throws Error(missing_input); Error(bad_input) naming file and line: no such column, a position
/// that is none, two sources of one name.
[[nodiscard]] std::vector<Source> read_source_catalogue(const std::filesystem::path& file);

/// Return the source of a name or alias. Case, blanks and underscores do not count: "mrk_421" is
/// "Mrk 421".
[[nodiscard]] std::optional<Source> find_source(const std::vector<Source>& catalogue,
                                                std::string_view name);

/// Return find_source(). @throws Error(usage) with a suggestion if the catalogue lacks it.
/// @param where  the catalogue's file, for the message
[[nodiscard]] Source source_of_name(const std::vector<Source>& catalogue, std::string_view name,
                                    const std::filesystem::path& where);

/// A source and its distance from a direction.
struct NearSource {
  Source source;
  double distance_deg = 0;
};

/// Return the source that is nearest to a direction; nothing of an empty catalogue.
[[nodiscard]] std::optional<NearSource> nearest_source(const std::vector<Source>& catalogue,
                                                       const sky::Equatorial& direction);

}  // namespace alisio::text
