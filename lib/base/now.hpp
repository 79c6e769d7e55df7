#pragma once

namespace alisio {

/// Return the present time, in s since 1970 UTC (leap seconds are not counted).
[[nodiscard]] double now_unix_utc_s();

}  // namespace alisio
