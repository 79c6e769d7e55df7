#pragma once
#include "lib/pipeline/significance_result.hpp"
#include "lib/report/page.hpp"

namespace alisio::report {

/// Add a section for each source of a night: its distributions on and off, and what was counted in
/// each run and in all of them; then what was left out.
/// @param run "11220": only the sources and rows of this run; empty: all
void add_source_sections(Page& page, const pipeline::SignificanceResult& result,
                         const std::string& run);

}  // namespace alisio::report
