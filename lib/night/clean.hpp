#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/config/configuration.hpp"
#include "lib/night/discard.hpp"
#include "lib/night/state.hpp"

namespace alisio::night {

/// What of a closed night may go, and when.
struct CleanPolicy {
  double intermediate_days = 0, logs_days = 0;  ///< days after the closing; infinite: never
  std::vector<std::string> intermediate;        ///< ports whose products are intermediate
};
/// @throws Error(configuration) for ports whose products are never intermediate.
[[nodiscard]] CleanPolicy clean_policy(const config::Configuration& configuration);

enum class CleanKind {
  product,    ///< intermediate, and can be had again
  set_aside,  ///< of a discarded subrun that was made anew since
  log,        ///< of jobs that are done
  fragment    ///< of a product, left by a process that is gone
};
[[nodiscard]] const char* to_string(CleanKind kind);

/// A file that may go.
struct CleanItem {
  CleanKind kind = CleanKind::product;
  FileStamp file;             ///< as it was when it was looked at; with its hash if it is a product
  std::filesystem::path was;  ///< path under which it is on record
  std::string why;            ///< it may go; one line
};

/// A file that is of a kind to go and stays.
struct KeptFile {
  std::filesystem::path file;
  std::string why;
};

/// What cleaning a night would do, or did.
struct CleanPlan {
  NightKey key;
  std::string closed_at;  ///< ISO, UTC
  std::vector<CleanItem> items;
  std::vector<KeptFile> kept;
  std::vector<KeptFile> failed;               ///< should have gone, and what was in the way
  [[nodiscard]] std::uint64_t bytes() const;  ///< of the items
};

struct CleanRequest {
  NightKey key;
  std::filesystem::path products;  ///< root of the tree: what stands elsewhere is not removed
  /// Roots of all trees that jobs keep their logs in: of products, constants, raw data made here.
  std::vector<std::filesystem::path> log_trees;
  std::filesystem::path scratch;  ///< folder of the night's jobs
  CleanPolicy policy;
  std::string author;
  /// SHA-256 of a file that is there.
  std::function<std::string(const std::filesystem::path&)> hash;
  /// Say what is in the way of making a product again as it is; empty: nothing.
  std::function<std::string(const std::filesystem::path&)> why_not_again;
  InvalidationRecorder record;
};

/// Find what may go of a night: nothing unless it is closed, for passes still work on it. A product
/// goes only if it is as recorded, and can be made again or its events are in a merged file that is
/// as recorded; not if another production uses it that is not closed.
/// @throws Error(usage) if the night is not closed.
[[nodiscard]] CleanPlan plan_cleaning(State& state, const CleanRequest& request);

/// Remove what was planned. Before, the state records it, so that no pass makes it again for want
/// of it, and provenance that it is invalidated. What has changed since it was planned stays, and
/// goes over to what is kept; what cannot be removed is told among the failed, and the next call
/// tries it again. To be called again after an interruption, too. The caller holds the night's
/// lock.
void clean(State& state, const CleanRequest& request, CleanPlan& plan);

/// Return the dates of the nights of a production that are closed, ascending.
[[nodiscard]] std::vector<NightDate> closed_nights(State& state, int telescope,
                                                   const std::string& prod_id);

}  // namespace alisio::night
