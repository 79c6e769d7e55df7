#pragma once
#include <string>
#include <vector>

namespace alisio::night {

/// Return "5.2 s", "3 min 05 s" or "2 h 07 min".
[[nodiscard]] std::string duration_text(double seconds);

/// Return what a person has said (a reason, a name) as it is kept and shown: one line of at most
/// 500 characters, without control characters.
[[nodiscard]] std::string said_text(const std::string& text);

/// Return the seconds from the epoch to an instant written as utc_now_text() writes it; 0 for what
/// is no such text.
[[nodiscard]] double unix_seconds(const std::string& text);

/// Return ascending subruns as "0000-0004, 0007"; "run" for what concerns a whole run.
[[nodiscard]] std::string ranges_text(const std::vector<int>& subruns);

}  // namespace alisio::night
