#pragma once
#include <filesystem>

#include "apps/job.hpp"

namespace alisio::apps {

/// Refuse to replace a product that the seal of a closed night vouches for.
/// @throws Error(usage) naming the night; Error(resource, bad_input) if state or seal cannot be
/// read.
void refuse_sealed(const Job& job, const std::filesystem::path& target);

}  // namespace alisio::apps
