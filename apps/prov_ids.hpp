#pragma once
#include "prov/ask/embedded.hpp"

namespace alisio::apps {

/// Read the ids that a product carries: root attributes of HDF5, cards of the primary header of
/// FITS. Files of other formats, and damaged ones, say nothing.
[[nodiscard]] prov::EmbeddedIds read_embedded_ids(const std::filesystem::path& file);

}  // namespace alisio::apps
