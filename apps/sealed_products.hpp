#pragma once
#include <filesystem>

#include "apps/job.hpp"

namespace alisio::apps {

/// Refuse to replace a product or document that the seal of a closed night vouches for.
/// @throws Error(usage) naming the night; Error(resource, bad_input) if state or seal cannot be
/// read.
void refuse_sealed(const Job& job, const std::filesystem::path& target);
/// The same for a file of no job: the state is the one that the tree of products is marked with.
void refuse_sealed(const std::filesystem::path& target);

}  // namespace alisio::apps
