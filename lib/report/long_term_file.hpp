#pragma once
#include <filesystem>
#include <string>

#include "lib/base/observer.hpp"
#include "lib/report/long_term.hpp"

namespace alisio::report {

/// Write longterm_dl1_check.h5 with the tables of lstchain: /runsummary/table, /cosmics/table,
/// /pedestals/table, /flatfield/table, /pixwise_runsummary, /pixwise_runsummary_no_stars. pandas
/// reads the first four by the name of their group. Our further columns follow lstchain's.
/// @throws Error(resource).
void write_long_term(const std::filesystem::path& path, const LongTerm& table,
                     const ProductMetadata& metadata);

/// Return the table of runs as CSV: one header line, "ff_charge_mean [p.e.]", then a line a run.
/// Numbers have all their digits; what is not known is empty.
[[nodiscard]] std::string long_term_csv(const LongTermTable& runs);

}  // namespace alisio::report
