#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "prov/ask/embedded.hpp"
#include "prov/verify.hpp"

namespace alisio::prov {

/// Something that stands in the way of making a product again.
struct Gap {
  std::string kind;          ///< "input missing", "input changed", "unclean software" …
  std::string about;         ///< path, or short name of the activity
  std::string detail;        ///< may be empty
  std::size_t products = 0;  ///< how many products are concerned
};

struct CheckReport {
  std::size_t activities = 0, products = 0, inputs = 0;
  std::vector<Gap> gaps;  ///< sorted by kind and path, each once
};

/// Ask whether what was made, and not replaced since, can be made again: each product has a
/// successful activity with its command, configuration and environment; the software is known and
/// clean; each input is there with its size (its bytes are hashed again only if it changed since),
/// or says still what was taken of it; products that stand beside recorded ones have a record.
/// @param night YYYYMMDD; empty: all.
/// @param ids tells files that were made with capture switched off.
/// @param part tells of files that grew since; empty: they count whole.
/// @throws Error(incomplete) if nothing is on record.
[[nodiscard]] CheckReport check(Store& store, const std::string& night, const IdReader& ids = {},
                                const PartReader& part = {});
[[nodiscard]] nlohmann::ordered_json to_json(const CheckReport& report);

}  // namespace alisio::prov
