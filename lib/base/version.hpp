#pragma once
#include <string>
#include <utility>
#include <vector>

namespace alisio {

/// What this program was built from.
struct BuildInfo {
  std::string version;     ///< "0.1.0"
  std::string commit;      ///< git commit, "unknown" outside a checkout
  bool dirty = false;      ///< the checkout had uncommitted changes
  std::string compiler;    ///< "GNU 12.2.0"
  std::string build_type;  ///< "Release"
  std::string flags;
};

[[nodiscard]] const BuildInfo& build_info();
/// Return "v0.1.0", the default stem of production names.
[[nodiscard]] std::string version_tag();
/// Return "1a2b3c4", "+changes" after it if the checkout had any: what provenance records.
[[nodiscard]] std::string commit_tag();

}  // namespace alisio
