#pragma once
#include <string>
#include <string_view>

/// What a record says of the use of a file beside its role: why it was chosen, or what was taken of
/// a file that grows. Both are one text, for no file has both.
namespace alisio::prov {

/// Return the remark on a use of which a part was taken.
[[nodiscard]] std::string remark_of_part(std::string_view part);

/// Return what was taken of a file, as its user named it; empty: all of it.
[[nodiscard]] std::string part_in(std::string_view remark);

}  // namespace alisio::prov
