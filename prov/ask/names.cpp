#include "prov/ask/names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"

namespace alisio::prov {

using nlohmann::json;

namespace {

constexpr std::size_t longest_name = 4096, longest_in_message = 80;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

void flatten(const json& tree, const std::string& key, std::map<std::string, json>& values) {
  if (!tree.is_object()) {
    values[key] = tree;
    return;
  }
  for (const auto& [name, value] : tree.items())
    flatten(value, key.empty() ? name : key + "." + name, values);
}

}  // namespace

std::string shortened(const std::string& text) {
  std::string clean = text.substr(0, longest_in_message);
  std::replace_if(clean.begin(), clean.end(), is_control, '?');
  if (text.size() <= longest_in_message) return clean;
  // A character cut in its middle would make the message no text.
  while (!clean.empty() && (static_cast<unsigned char>(clean.back()) & 0x80) != 0) clean.pop_back();
  return clean + "...";
}

void check_name(const std::string& what, const std::string& where) {
  const char* remedy = "see --help";
  if (what.empty()) throw Error(ErrorKind::usage, "an empty text names nothing", where, remedy);
  if (what.size() > longest_name)
    throw Error(ErrorKind::usage,
                fmt::format("'{}' is {} bytes long; names have at most {}", shortened(what),
                            what.size(), longest_name),
                where, remedy);
  if (std::any_of(what.begin(), what.end(), is_control))
    throw Error(ErrorKind::usage, fmt::format("'{}' has control characters in it", shortened(what)),
                where, remedy);
}

std::string short_name(const StoredActivity& activity) {
  std::string name = activity.name;
  if (activity.run > 0) name += ' ' + run_text(activity.run);
  if (activity.run > 0 && activity.subrun >= 0) name += '.' + subrun_text(activity.subrun);
  return name;
}

std::map<std::string, json> flattened(const json& tree) {
  std::map<std::string, json> values;
  if (tree.is_object()) flatten(tree, "", values);
  return values;
}

}  // namespace alisio::prov
