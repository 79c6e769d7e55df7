#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/night/closing_record.hpp"
#include "lib/night/run_catalogue.hpp"

namespace alisio::night {

/// The program of a site that knows what its runs observed (from a database, say), and where its
/// answers are kept: a night that has its answer asks no more, and no other answer changes it.
struct CatalogueCommand {
  std::vector<std::string> words;  ///< program and arguments; empty: there is none
  double time_limit_s = 0;         ///< after which it is killed
  std::filesystem::path kept;      ///< file of the answers for this night
};

/// Return what the configuration says of it for a night: `night.catalogue_command`, with {date}
/// (2024-01-15) and {telescope} (1) filled in. @throws Error(configuration) for other braces.
[[nodiscard]] CatalogueCommand catalogue_command(const config::Configuration& configuration,
                                                 const NightKey& night);

/// What came of asking.
struct CatalogueAnswer {
  RunCatalogue rows;  ///< those that have a declination
  int left_out = 0;   ///< rows that have none
  std::string fault;  ///< why there is no answer, one line; empty: there is one
};

/// Ask, for at most the time limit. That a site's database is away throws nothing.
[[nodiscard]] CatalogueAnswer ask(const CatalogueCommand& command);

/// Adds to a run catalogue what it lacks of some runs. @return what there is to tell, a line each
using CatalogueFill =
    std::function<std::vector<std::string>(const std::vector<int>& runs, RunCatalogue& catalogue)>;

/// Fill from the kept answers. Runs that they lack are asked for, once in the life of what is
/// returned, and what is new is kept before it is used.
/// @param may_ask false: look at the kept answers only
[[nodiscard]] CatalogueFill catalogue_fill(const CatalogueCommand& command, bool may_ask);

}  // namespace alisio::night
