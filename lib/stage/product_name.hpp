#pragma once
#include <string>
#include <string_view>

#include "lib/base/ids.hpp"

/// The names of products: what stages write and what a plan expects of them.
namespace alisio::stage {

/// Return the name of the file that comes out of a stage's port, "dl1_LST-1.Run02008.0000.h5" for
/// `dl1_subrun`; names are lstchain's where it makes such a file.
/// @param id       names of whole runs take no subrun of it, those of constants no telescope
/// @param filters  of a charge calibration, "52"
/// @throws Error(bug) for ports whose files are named otherwise.
[[nodiscard]] std::string product_name(std::string_view port, const SubrunId& id,
                                       std::string_view filters = {});

/// The same for files of a whole night. @param date YYYYMMDD
[[nodiscard]] std::string night_product_name(std::string_view port, int telescope,
                                             std::string_view date);

}  // namespace alisio::stage
