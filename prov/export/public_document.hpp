#pragma once
#include <string>
#include <string_view>

namespace alisio::prov {

/// Return a PROV-JSON document without what tells of persons and machines: accounts, hosts,
/// environments and sessions are left out; of absolute paths, also within commands, settings and
/// messages, the place below the data root remains, or the file's name.
/// @throws Error(bad_input) if the text is no PROV-JSON.
[[nodiscard]] std::string public_document(std::string_view prov_json);

}  // namespace alisio::prov
