#pragma once
#include <string>

namespace alisio {

/// Return the name of the account that this process runs as, "uid1234" if it has none.
[[nodiscard]] std::string account_name();

}  // namespace alisio
