#include "lib/config/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "lib/base/error.hpp"
#include "lib/base/file_name.hpp"
#include "lib/base/log.hpp"
#include "lib/base/plain_text.hpp"
#include "lib/base/suggest.hpp"
#include "lib/base/yaml_file.hpp"
#include "lib/config/options.hpp"
#include "lib/config/peers.hpp"

namespace alisio::config {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const Option& option : options()) keys.push_back(option.key);
  return keys;
}

std::optional<double> parse_number(const std::string& text) {
  std::string word = text;
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  const double infinity = std::numeric_limits<double>::infinity();
  if (word == ".inf" || word == "inf" || word == "infinity" || word == "+.inf") return infinity;
  if (word == "-.inf" || word == "-inf" || word == "-infinity") return -infinity;
  try {
    std::size_t used = 0;
    const double number = std::stod(word, &used);
    if (used == word.size() && !std::isnan(number)) return number;
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return std::nullopt;
}

[[noreturn]] void refuse(const std::string& where, const Option& option,
                         const std::string& expected) {
  throw Error(ErrorKind::configuration, fmt::format("'{}' must be {}", option.key, expected), where,
              option.description);
}

void check_limits(double number, const Option& option, const std::string& where) {
  const auto [low, high] = option.limits;
  if (number >= low && number <= high) return;
  refuse(where, option,
         std::isinf(high) ? fmt::format("at least {}", low)
                          : fmt::format("between {} and {}", low, high));
}

[[noreturn]] void refuse_unknown(const std::string& key, const std::string& where) {
  const std::vector<std::string> keys = known_keys();
  throw Error(
      ErrorKind::configuration, fmt::format("unknown key '{}'", key), where,
      nearest_word(key, keys).empty() ? "see alisio config --help-keys" : suggestion(key, keys));
}

json convert_range(const YAML::Node& node, const Option& option, const std::string& where) {
  constexpr const char* expected = "a pair [low, high], with -.inf or .inf where it is open";
  if (!node.IsSequence() || node.size() != 2 || !node[0].IsScalar() || !node[1].IsScalar())
    refuse(where, option, expected);
  const auto low = parse_number(node[0].as<std::string>());
  const auto high = parse_number(node[1].as<std::string>());
  if (!low || !high || *low > *high) refuse(where, option, expected);
  return json::array({*low, *high});
}

/// Add one entry of a block of names. @throws Error(configuration) if its name is there.
void add_once(json& block, const YAML::Node& name, json value, const Option& option,
              const std::string& where) {
  const auto [entry, is_new] = block.emplace(name.as<std::string>(), std::move(value));
  if (!is_new)
    refuse(where, option,
           fmt::format("a block of names, each once ('{}' is there twice)", entry.key()));
}

bool may_hold(const Option& option, const std::string& name) {
  return option.names.empty() ||
         std::find(option.names.begin(), option.names.end(), name) != option.names.end();
}

/// Refuse names that a block may not hold.
void check_names(const YAML::Node& block, const Option& option, const std::string& where) {
  for (const auto& item : block)
    if (const std::string name = item.first.as<std::string>(); !may_hold(option, name))
      throw Error(
          ErrorKind::configuration, fmt::format("unknown key '{}.{}'", option.key, name), where,
          nearest_word(name, option.names).empty()
              ? fmt::format("it takes {}", fmt::join(option.names, ", "))
              : fmt::format("did you mean '{}.{}'?", option.key, nearest_word(name, option.names)));
}

/// Refuse a text, or a word of a list, that the option may not be or hold. @return it
const std::string& checked_text(const std::string& text, const Option& option,
                                const std::string& where) {
  if (!may_hold(option, text))
    throw Error(ErrorKind::configuration,
                fmt::format("'{}' does not take '{}'", option.key, plain_line(text, 80)), where,
                suggestion(text, option.names));
  if (option.form.fits != nullptr && !option.form.fits(text))
    refuse(where, option, fmt::format("{}, not '{}'", option.form.expected, plain_line(text, 80)));
  return text;
}

/// Turn a YAML value into the JSON value of an option.
json convert(const YAML::Node& node, const Option& option, const fs::path& base,
             const std::string& where) {
  const auto scalar = [&](const YAML::Node& item, const char* expected) {
    if (!item.IsScalar()) refuse(where, option, expected);
    return item.as<std::string>();
  };
  switch (option.kind) {
    case OptionKind::integer_or_null:
      if (node.IsNull()) return nullptr;
      [[fallthrough]];
    case OptionKind::integer: {
      const auto number = parse_number(scalar(node, "an integer"));
      if (!number || *number != std::floor(*number)) refuse(where, option, "an integer");
      check_limits(*number, option, where);
      return static_cast<std::int64_t>(*number);
    }
    case OptionKind::number_or_null:
      if (node.IsNull()) return nullptr;
      [[fallthrough]];
    case OptionKind::number: {
      const auto number = parse_number(scalar(node, "a number"));
      if (!number) refuse(where, option, "a number");
      check_limits(*number, option, where);
      return *number;
    }
    case OptionKind::range:
      return convert_range(node, option, where);
    case OptionKind::ranges: {
      json all = json::object();
      if (node.IsNull()) return all;
      if (!node.IsMap()) refuse(where, option, "a block of names with [low, high]");
      check_names(node, option, where);
      for (const auto& item : node)
        add_once(all, item.first, convert_range(item.second, option, where), option, where);
      return all;
    }
    case OptionKind::numbers: {
      json all = json::object();
      if (node.IsNull()) return all;
      if (!node.IsMap()) refuse(where, option, "a block of names with numbers");
      for (const auto& item : node) {
        const auto number = parse_number(scalar(item.second, "a block of names with numbers"));
        if (!number) refuse(where, option, "a block of names with numbers");
        check_limits(*number, option, where);
        add_once(all, item.first, *number, option, where);
      }
      return all;
    }
    case OptionKind::words: {
      json all = json::array();
      if (node.IsNull()) return all;
      if (!node.IsSequence()) refuse(where, option, "a list of words");
      for (const auto& item : node)
        all.push_back(checked_text(scalar(item, "a list of words"), option, where));
      return all;
    }
    case OptionKind::boolean_or_null:
      if (node.IsNull()) return nullptr;
      [[fallthrough]];
    case OptionKind::boolean: {
      try {
        return node.as<bool>();
      } catch (const YAML::Exception&) {
        refuse(where, option, "true or false");
      }
    }
    case OptionKind::text:
      return checked_text(node.IsNull() ? std::string() : scalar(node, "text"), option, where);
    case OptionKind::name: {
      const std::string text = node.IsNull() ? std::string() : scalar(node, "a name");
      if (!text.empty() && !is_file_name_part(text))
        refuse(where, option,
               fmt::format("a name of {}, since it names files", file_name_characters));
      return text;
    }
    case OptionKind::path: {
      const std::string text = node.IsNull() ? std::string() : scalar(node, "a path");
      if (text.empty()) {
        // Empty means none where there is none by default; elsewhere it would be any folder.
        if (option.default_value != "") refuse(where, option, "a path, not nothing");
        return std::string();
      }
      if (has_control_character(text)) refuse(where, option, "a path without control characters");
      return fs::weakly_canonical(base / text).string();
    }
  }
  return nullptr;
}

/// lstchain's tools for Cat-A and Cat-B have files of their own, where the same keys have other
/// values than in its main file. Return the block that stands for such a file, or nothing.
std::string block_of(const YAML::Node& root) {
  if (root["CalibrationHDF5Writer"]) return "camera_calibration";
  if (root["CatBCalibrationHDF5Writer"]) return "cat_b";
  return {};
}

using Values = std::vector<std::pair<std::string, json>>;

constexpr double most_exact_integer = 9e15;

/// Return what a YAML value holds, numbers as numbers however they are written.
json plain_value(const YAML::Node& node) {
  if (node.IsSequence()) {
    json items = json::array();
    for (const auto& item : node) items.push_back(plain_value(item));
    return items;
  }
  if (node.IsMap()) {
    json items = json::object();
    for (const auto& item : node) items[item.first.as<std::string>()] = plain_value(item.second);
    return items;
  }
  if (!node.IsScalar()) return nullptr;
  const std::string text = node.as<std::string>();
  if (const auto number = parse_number(text);
      number && *number == std::floor(*number) && std::abs(*number) < most_exact_integer)
    return static_cast<std::int64_t>(*number);
  else if (number)
    return *number;
  if (text == "true" || text == "false") return text == "true";
  return text;
}

/// Reads one file over values. A JSON file may be one of lstchain's.
class FileReader {
 public:
  using Wanted = std::function<bool(const std::string&)>;

  FileReader(const fs::path& file, const Wanted& wanted, Values& values,
             std::vector<Difference>& differences)
      : file_(file),
        may_be_the_peers_(file.extension() == ".json"),
        wanted_(wanted),
        values_(values),
        differences_(differences) {}

  void read(const YAML::Node& root) {
    root_ = root;
    const std::string block = block_of(root);
    if (!block.empty() && !wanted_(block)) return;
    if (!block.empty()) blocks_.insert(block);
    read_block(root, block);
    // A file that names the telescope as only this program's do means its defaults, not lstchain's.
    if (may_be_the_peers_ && !root["telescope"]) take_peers_defaults();
    if (!ignored_.empty())
      spdlog::warn("{}: ignored, for they mean nothing here: {}", file_.string(),
                   fmt::join(ignored_, ", "));
  }

 private:
  void read_block(const YAML::Node& node, const std::string& prefix) {
    std::map<std::string, int> lines;
    for (const auto& item : node) {
      const std::string word = item.first.as<std::string>();
      if (prefix.empty() && !wanted_(word)) continue;
      if (prefix.empty()) blocks_.insert(word);
      const std::string key = prefix.empty() ? word : prefix + "." + word;
      const int line = item.first.Mark().line + 1;
      const std::string where = fmt::format("{}:{}", file_.string(), line);
      if (const auto [first, is_new] = lines.emplace(word, line); !is_new)
        throw Error(ErrorKind::configuration,
                    fmt::format("'{}' is said twice, first in line {}", key, first->second), where,
                    "keep one of them");
      read_key(key, item.second, where);
    }
  }

  void read_key(const std::string& key, const YAML::Node& node, const std::string& where) {
    said_.insert(key);
    if (const Option* option = find(options(), key)) {
      assign(*option, node, where);
    } else if (may_be_the_peers_ && read_peers_key(key, node, where)) {
      return;
    } else if (holds_keys(options(), key) || (may_be_the_peers_ && holds_peers_keys(key))) {
      if (node.IsMap())
        read_block(node, key);
      else if (!node.IsNull())
        throw Error(ErrorKind::configuration, fmt::format("'{}' must be a block of keys", key),
                    where, "see alisio config --help-keys");
    } else if (may_be_the_peers_) {
      read_unknown_peers_key(key, where);
    } else {
      refuse_unknown(key, where);
    }
  }

  /// Read a key that lstchain has and options() has not. @return whether it is one.
  bool read_peers_key(const std::string& key, const YAML::Node& node, const std::string& where) {
    if (const PeerAlias* alias = find(peer_aliases(), key)) {
      if (alias->unless.empty() || !root_[alias->unless])
        assign(*find(options(), alias->option), node, where);
      return true;
    }
    if (const PeerFixed* fixed = find(peer_fixed(), key)) {
      const json value = plain_value(node);
      compare(*fixed, value, where,
              value.is_object() ? fmt::format("'{}'", key)
                                : fmt::format("'{}: {}'", key, value.dump()));
      return true;
    }
    return find(peer_idle(), key) != nullptr;
  }

  void read_unknown_peers_key(const std::string& key, const std::string& where) {
    const std::size_t dot = key.rfind('.');
    const std::string block = dot == std::string::npos ? "" : key.substr(0, dot);
    const std::string word = dot == std::string::npos ? key : key.substr(dot + 1);
    std::vector<std::string> known;
    add_words(options(), block, known);
    const std::size_t own = known.size();
    add_words(peer_aliases(), block, known);
    add_words(peer_fixed(), block, known);
    add_words(peer_idle(), block, known);
    if (const std::string near = nearest_word(word, known); !near.empty())
      throw Error(ErrorKind::configuration, fmt::format("unknown key '{}'", key), where,
                  fmt::format("did you mean '{}'?", block.empty() ? near : block + "." + near));
    if (known.size() == own) refuse_unknown(key, where);
    ignored_.push_back(key);
  }

  void take_peers_defaults() {
    for (const PeerDefault& missing : peer_defaults()) {
      if (!blocks_.contains(std::string(peer_block(missing.key))) || said_.contains(missing.key))
        continue;
      if (const Option* option = find(options(), missing.key))
        assign(*option, parse_yaml(missing.value.dump(), file_.string()), file_.string());
      else if (const PeerFixed* fixed = find(peer_fixed(), missing.key))
        compare(*fixed, missing.value, file_.string(),
                fmt::format("'{}: {}', which a block means in lstchain that leaves it out,",
                            missing.key, missing.value.dump()));
    }
  }

  /// Note a value of the file that is not what is done. @param said how a message names it
  void compare(const PeerFixed& fixed, const json& value, const std::string& where,
               const std::string& said) {
    std::erase_if(differences_, [&](const Difference& d) { return d.key == fixed.key; });
    if (value == fixed.done) return;
    differences_.push_back(
        {fixed.key, fixed.stages, fmt::format("{} cannot be followed: {}", said, fixed.does), where,
         fixed.remedy.empty() ? fmt::format("set it to {}", fixed.done.dump()) : fixed.remedy});
  }

  void assign(const Option& option, const YAML::Node& node, const std::string& where) {
    json value = convert(node, option, file_.parent_path(), where);
    for (auto& [key, old] : values_)
      if (key == option.key) old = std::move(value);
  }

  template <typename Entry>
  static const Entry* find(std::span<const Entry> entries, const std::string& key) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
    return found == entries.end() ? nullptr : &*found;
  }

  template <typename Entry>
  static bool holds_keys(std::span<const Entry> entries, const std::string& block) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const Entry& e) { return e.key.starts_with(block + "."); });
  }

  static bool holds_peers_keys(const std::string& block) {
    return holds_keys(peer_aliases(), block) || holds_keys(peer_fixed(), block) ||
           holds_keys(peer_idle(), block);
  }

  /// Add the words that follow a block in keys.
  template <typename Entry>
  static void add_words(std::span<const Entry> entries, const std::string& block,
                        std::vector<std::string>& words) {
    const std::string start = block.empty() ? "" : block + ".";
    for (const Entry& entry : entries)
      if (entry.key.starts_with(start))
        words.push_back(
            entry.key.substr(start.size(), entry.key.find('.', start.size()) - start.size()));
  }

  const fs::path& file_;
  bool may_be_the_peers_;
  const Wanted& wanted_;
  Values& values_;
  std::vector<Difference>& differences_;
  YAML::Node root_;
  std::set<std::string> said_, blocks_;  ///< keys of the file, and its blocks as peer_block()
  std::vector<std::string> ignored_;
};

/// Read the wanted top-level keys of a file over the values. @return its absolute path.
fs::path read_file(const fs::path& file, const FileReader::Wanted& wanted, Values& values,
                   std::vector<Difference>& differences) {
  const fs::path absolute = fs::weakly_canonical(file);
  const YAML::Node root = read_yaml_file(absolute).root;
  if (!root.IsMap() && !root.IsNull())
    throw Error(ErrorKind::configuration, "must hold keys and values", file.string(),
                "write lines of the form key: value");
  try {
    if (root.IsMap()) FileReader(absolute, wanted, values, differences).read(root);
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::configuration, "cannot be understood: " + e.msg,
                fmt::format("{}:{}", file.string(), e.mark.line + 1),
                "see alisio config --help-keys");
  }
  return absolute;
}

json plain(const json& value) {
  if (value.is_number_float() && std::isinf(value.get<double>()))
    return value.get<double>() > 0 ? "inf" : "-inf";
  if (value.is_array()) {
    json copy = json::array();
    for (const json& item : value) copy.push_back(plain(item));
    return copy;
  }
  if (value.is_object()) {
    json copy = json::object();
    for (const auto& [key, item] : value.items()) copy[key] = plain(item);
    return copy;
  }
  return value;
}

}  // namespace

Configuration Configuration::defaults(const fs::path& base) {
  Configuration configuration;
  const fs::path folder = fs::absolute(base.empty() ? fs::path(".") : base);
  for (const Option& option : options()) {
    json value = option.default_value;
    if (option.kind == OptionKind::path && !value.get<std::string>().empty())
      value = fs::weakly_canonical(folder / value.get<std::string>()).string();
    configuration.values_.emplace_back(option.key, std::move(value));
  }
  return configuration;
}

Configuration Configuration::load(const std::vector<fs::path>& files,
                                  const std::vector<std::string>& overrides) {
  Configuration configuration =
      defaults(files.empty() ? fs::path() : fs::absolute(files.front()).parent_path());
  for (const fs::path& file : files)
    configuration.files_.push_back(read_file(
        file, [](const std::string&) { return true; }, configuration.values_,
        configuration.differences_));
  for (const std::string& item : overrides) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos)
      throw Error(ErrorKind::usage, fmt::format("'{}' is no override", item), "--set",
                  "write key=value");
    configuration.set(item.substr(0, equals), item.substr(equals + 1));
  }
  return configuration;
}

std::size_t Configuration::read_blocks(const fs::path& file,
                                       const std::vector<std::string>& blocks) {
  std::size_t found = 0;
  read_file(
      file,
      [&](const std::string& key) {
        const bool wanted = std::find(blocks.begin(), blocks.end(), key) != blocks.end();
        found += wanted ? 1 : 0;
        return wanted;
      },
      values_, differences_);
  return found;
}

void Configuration::require_followed(std::string_view stage) const {
  for (const Difference& d : differences_)
    if (std::find(d.stages.begin(), d.stages.end(), stage) != d.stages.end())
      throw Error(ErrorKind::configuration, d.problem, d.where, d.remedy);
}

void Configuration::set(std::string_view key, const std::string& text) {
  for (const Option& option : options()) {
    if (option.key != key) continue;
    json converted = convert(parse_yaml(text, fmt::format("--set {}", key)), option,
                             fs::current_path(), "--set");
    for (auto& [name, old] : values_)
      if (name == key) old = std::move(converted);
    return;
  }
  if (!set_entry(key, text)) refuse_unknown(std::string(key), "--set");
}

bool Configuration::set_entry(std::string_view key, const std::string& text) {
  for (const Option& option : options()) {
    const bool is_block = option.kind == OptionKind::ranges || option.kind == OptionKind::numbers;
    if (!is_block || !key.starts_with(option.key + ".")) continue;
    YAML::Node block;
    block[std::string(key.substr(option.key.size() + 1))] =
        parse_yaml(text, fmt::format("--set {}", key));
    const json entry = convert(block, option, fs::current_path(), "--set");
    for (auto& [name, held] : values_)
      if (name == option.key) held.update(entry);
    return true;
  }
  return false;
}

const json& Configuration::value(std::string_view key) const {
  for (const auto& [name, held] : values_)
    if (name == key) return held;
  throw Error(ErrorKind::bug, fmt::format("no option '{}'", key));
}

double Configuration::number(std::string_view key) const {
  const json& held = value(key);
  return held.is_null() ? std::numeric_limits<double>::quiet_NaN() : held.get<double>();
}
std::int64_t Configuration::integer(std::string_view key) const {
  return value(key).get<std::int64_t>();
}
bool Configuration::boolean(std::string_view key) const {
  return value(key).get<bool>();
}
std::optional<std::int64_t> Configuration::integer_or_null(std::string_view key) const {
  const json& held = value(key);
  return held.is_null() ? std::nullopt : std::optional(held.get<std::int64_t>());
}
std::optional<bool> Configuration::boolean_or_null(std::string_view key) const {
  const json& held = value(key);
  return held.is_null() ? std::nullopt : std::optional(held.get<bool>());
}
std::string Configuration::text(std::string_view key) const {
  return value(key).get<std::string>();
}
std::pair<double, double> Configuration::range(std::string_view key) const {
  const json& held = value(key);
  return {held[0].get<double>(), held[1].get<double>()};
}
std::map<std::string, std::pair<double, double>> Configuration::ranges(std::string_view key) const {
  std::map<std::string, std::pair<double, double>> all;
  for (const auto& [name, range] : value(key).items())
    all.emplace(name, std::pair(range[0].get<double>(), range[1].get<double>()));
  return all;
}
std::map<std::string, double> Configuration::numbers(std::string_view key) const {
  return value(key).get<std::map<std::string, double>>();
}
std::vector<std::string> Configuration::words(std::string_view key) const {
  return value(key).get<std::vector<std::string>>();
}
fs::path Configuration::path(std::string_view key) const {
  return {value(key).get<std::string>()};
}

json Configuration::section(const std::vector<std::string>& keys) const {
  json out = json::object();
  for (const auto& [name, held] : values_) {
    const bool wanted = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
      return name == key || name.starts_with(key + ".");
    });
    if (!wanted) continue;
    std::string pointer = "/" + name;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    out[json::json_pointer(pointer)] = plain(held);
  }
  return out;
}

std::string Configuration::section_json(const std::vector<std::string>& keys) const {
  return section(keys).dump();
}

json Configuration::all() const {
  std::vector<std::string> keys;
  for (const auto& [name, held] : values_) keys.push_back(name);
  return section(keys);
}

}  // namespace alisio::config
