#pragma once
#include <cstdint>
#include <string>

#include "lib/base/ids.hpp"

namespace alisio::night {

/// Which night of which production.
struct NightKey {
  int telescope = 1;
  NightDate date;
  std::string prod_id;
  bool operator==(const NightKey&) const = default;
};

/// One closing of a night, under way, done or undone.
struct ClosingRecord {
  NightKey key;
  std::string author, reason;  ///< who closes; the reason of a forced closing
  bool forced = false;         ///< in spite of the policy
  std::string started_at;      ///< ISO, UTC
  std::string step;            ///< the last step that was reached, in words
  std::string closed_at;       ///< ISO, UTC; empty while it is under way
  std::int64_t seal_number = 0;
  std::string seal, seal_sha256;  ///< file and hash of the manifest
  std::string reopened_at, reopened_by, reopen_reason;

  [[nodiscard]] bool closed() const { return !closed_at.empty() && reopened_at.empty(); }
  [[nodiscard]] bool under_way() const { return closed_at.empty() && reopened_at.empty(); }
};

}  // namespace alisio::night
