#pragma once
#include <filesystem>
#include <optional>

#include "lib/base/ids.hpp"

namespace alisio {

/// Return the night that a raw or product file belongs to by its place: that of the nearest parent
/// folder named YYYYMMDD; nothing if there is none.
[[nodiscard]] std::optional<NightDate> night_of_folder(const std::filesystem::path& file);

}  // namespace alisio
