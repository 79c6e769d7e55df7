#pragma once
#include <filesystem>
#include <string>

#include "lib/pipeline/significance_result.hpp"
#include "lib/stage/runner.hpp"

namespace alisio::pipeline {

/// Return the name of the product, "significance_20221215.json".
[[nodiscard]] std::string significance_name(const std::string& date);

/// Publish a result and a plot of each of its sources. Plots beside a former result of the same
/// name whose sources are gone are removed, if they are still what that result made.
/// @throws Error(resource).
void publish_significance(stage::StageRun& run, const std::filesystem::path& folder,
                          const SignificanceResult& result);

}  // namespace alisio::pipeline
