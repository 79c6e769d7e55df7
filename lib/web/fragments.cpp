#include "lib/web/fragments.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace alisio::web {
namespace {

bool same_ids(const Fragments& left, const Fragments& right) {
  return std::equal(left.parts.begin(), left.parts.end(), right.parts.begin(), right.parts.end(),
                    [](const auto& one, const auto& other) { return one.first == other.first; });
}

/// Tell whether the frame holds a part, so that it need not be told beside it.
bool holds(const Fragments& fragments, const std::string& html) {
  return fragments.frame.find(html) != std::string::npos;
}

}  // namespace

nlohmann::json all_fragments(const Fragments& fragments) {
  nlohmann::json all = nlohmann::json::object();
  for (const auto& [id, html] : fragments.parts)
    if (!holds(fragments, html)) all[id] = html;
  all[fragments.frame_id] = fragments.frame;
  return all;
}

nlohmann::json fragment_difference(const Fragments& before, const Fragments& now) {
  if (!same_ids(before, now)) return all_fragments(now);
  nlohmann::json difference = nlohmann::json::object();
  for (const auto& [id, html] : now.parts)
    if (before.parts.at(id) != html) difference[id] = html;
  return difference;
}

}  // namespace alisio::web
