#include "lib/night/slurm_pack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace alisio::night {
namespace {

/// Requests that may share an array: of one stage, run and need, tried before or not, and waiting
/// for the same.
using Kind =
    std::tuple<std::string, int, bool, std::uint64_t, double, std::vector<SlurmPlace>, std::string>;

bool follows_one(const PackItem& item) {
  return item.after.size() == 1;
}

Kind kind_of(const PackItem& item) {
  const JobKey& key = item.request->jobs.front();
  const bool again = item.request->attempt > 1;
  return {key.stage,
          key.run,
          again,
          item.need.memory_bytes,
          item.need.time_s,
          follows_one(item) ? std::vector<SlurmPlace>{} : item.after,
          follows_one(item) ? item.after.front().job : std::string()};
}

/// Return a dependency on each of these tasks: "afterok:12_0:12_1".
std::string after_all(const std::vector<SlurmPlace>& places) {
  if (places.empty()) return "";
  std::string text = "afterok";
  for (const SlurmPlace& place : places) text += fmt::format(":{}_{}", place.job, place.index);
  return text;
}

PackedArray finished(PackedArray array, const std::vector<PackItem>& items) {
  const PackItem& first = items[array.tasks.begin()->second.front()];
  std::size_t most = 1;
  for (const auto& [index, positions] : array.tasks) {
    array.submission.indices.push_back(index);
    most = std::max(most, positions.size());
  }
  array.submission.memory_bytes = first.need.memory_bytes;
  array.submission.time_s = first.need.time_s * static_cast<double>(most);
  array.submission.dependency =
      follows_one(first) ? "aftercorr:" + first.after.front().job : after_all(first.after);
  return array;
}

/// Fill arrays one task after the other.
void pack_in_order(const std::vector<PackItem>& items, const std::vector<std::size_t>& group,
                   const PackRules& rules, std::vector<PackedArray>& arrays) {
  const bool again = items[group.front()].request->attempt > 1;
  const std::size_t per_task = again ? 1 : rules.processes_per_task;
  const std::size_t per_array = per_task * rules.tasks_per_array;
  for (std::size_t start = 0; start < group.size(); start += per_array) {
    PackedArray array;
    for (std::size_t at = 0; at < std::min(per_array, group.size() - start); ++at)
      array.tasks[static_cast<int>(at / per_task)].push_back(group[start + at]);
    arrays.push_back(finished(std::move(array), items));
  }
}

}  // namespace

std::vector<PackedArray> pack(const std::vector<PackItem>& items, const PackRules& rules) {
  std::map<Kind, std::vector<std::size_t>> groups;
  for (std::size_t at = 0; at < items.size(); ++at) groups[kind_of(items[at])].push_back(at);
  std::vector<PackedArray> arrays;
  for (const auto& [kind, group] : groups) {
    if (!follows_one(items[group.front()])) {
      pack_in_order(items, group, rules, arrays);
      continue;
    }
    PackedArray array;
    for (const std::size_t at : group) array.tasks[items[at].after.front().index].push_back(at);
    arrays.push_back(finished(std::move(array), items));
  }
  return arrays;
}

}  // namespace alisio::night
