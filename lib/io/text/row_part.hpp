#pragma once
#include <string>
#include <vector>

#include "lib/io/text/run_summary.hpp"

/// The part of a run summary that what is made of one run depends on: the reference time in its
/// row. A run summary gets a row with each run of a night and counts subruns while they are taken,
/// which concerns nothing that was made before.
namespace alisio::text {

/// Return a text that stands for the reference time that a run summary gives for a run, however the
/// file is written: "rows <run> <hash>", or "rows <run> none" if it has no row of the run.
[[nodiscard]] std::string row_part(const std::vector<RunSummaryRow>& rows, std::int64_t run);

/// Return the text of the same run as another's, of the rows as they are now.
/// @throws Error(bug) if the other text is not what row_part() gives.
[[nodiscard]] std::string row_part_like(const std::vector<RunSummaryRow>& rows,
                                        const std::string& other);

/// Tell whether a text is what row_part() gives.
[[nodiscard]] bool is_row_part(const std::string& text);

}  // namespace alisio::text
