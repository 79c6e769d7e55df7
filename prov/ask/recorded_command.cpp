#include "prov/ask/recorded_command.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace alisio::prov {

namespace fs = std::filesystem;

namespace {

/// Options that say where a job writes, or what it may take over from elsewhere.
constexpr std::array kPlaces{"--output-dir", "--dl2-output-dir", "--journal-dir",
                             "--report",     "--known-hashes",   "--config"};
/// The option that names one file to write, in place of --output-dir.
constexpr std::string_view kOutputFile = "--output";
/// Options with a text that may look like a path.
constexpr std::array kTexts{"--note", "--select", "--source-name", "--prod-id"};
/// The option that sets one configuration value: its value is key=value.
constexpr std::string_view kSetting = "--set";

template <std::size_t size>
bool is_one_of(const std::array<const char*, size>& options, std::string_view option) {
  return std::find(options.begin(), options.end(), option) != options.end();
}

/// A word of a command, taken apart: the option that it belongs to, and where its value begins.
struct Word {
  std::string option;
  std::size_t value_at = 0;  ///< npos: it has none
};

bool is_place(const std::string& option) {
  return is_one_of(kPlaces, option) || option == kOutputFile;
}

/// Take words apart. Inputs may be several ("--input A B"); what else is told here has one value,
/// and a positional argument may follow it.
std::vector<Word> apart(const std::vector<std::string>& words) {
  std::vector<Word> parts;
  std::string option;
  for (const std::string& word : words) {
    const std::size_t equals = word.starts_with("--") ? word.find('=') : 0;
    if (word.starts_with("--")) option = word.substr(0, equals);
    parts.push_back({option, equals == std::string::npos || equals == 0 ? equals : equals + 1});
    if (equals != std::string::npos &&
        (is_place(option) || is_one_of(kTexts, option) || option == kSetting))
      option.clear();
  }
  return parts;
}

/// Whether a path is a file, or a folder above it.
bool leads_to(const std::string& path, const std::string& file) {
  return file.starts_with(path) && (file.size() == path.size() || file[path.size()] == '/');
}

/// Without "." and ".." as far as they go, and without a slash at the end.
std::string plain(const std::string& path) {
  std::string text = fs::path(path).lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

/// A place that a path may mean, and how much of both agrees.
struct Guess {
  std::string place;  ///< empty: none
  std::size_t agreed = 0;
};

/// Where a path below another root leads below the root of a file.
Guess below_root(const std::string& path, const StoredEntity& file) {
  if (!file.path.ends_with('/' + file.logical_path)) return {};
  const std::string root = file.path.substr(0, file.path.size() - file.logical_path.size());
  for (fs::path end = file.logical_path; !end.empty(); end = end.parent_path())
    if (path.ends_with('/' + end.string())) return {root + end.string(), end.string().size()};
  return {};
}

/// Where a path that began in an unknown folder leads on the way to a file.
Guess on_the_way(std::string path, const StoredEntity& file) {
  while (path.starts_with("../")) path = path.substr(3);
  if (file.path.ends_with('/' + path)) return {file.path, path.size()};
  // A word alone is a date or a name more often than a folder.
  const std::size_t at = file.path.rfind('/' + path + '/');
  if (path.find('/') == std::string::npos || at == std::string::npos) return {};
  return {file.path.substr(0, at + 1 + path.size()), path.size()};
}

}  // namespace

std::optional<std::string> place_now(const std::string& path,
                                     const std::vector<StoredEntity>& files) {
  const std::string name = plain(path);
  if (name.empty() || name == ".") return std::nullopt;
  const bool absolute = name.front() == '/';
  std::error_code problem;
  const std::string real = absolute ? fs::weakly_canonical(name, problem).string() : name;
  for (const StoredEntity& file : files)
    if (leads_to(name, file.path) || leads_to(real, file.path)) return path;
  // The deeper a path agrees, the surer it is.
  std::set<std::string> places;
  std::size_t agreed = 0;
  for (const StoredEntity& file : files) {
    const Guess guess = absolute ? below_root(name, file) : on_the_way(name, file);
    if (guess.place.empty() || guess.agreed < agreed) continue;
    if (guess.agreed > agreed) places.clear();
    agreed = guess.agreed;
    places.insert(guess.place);
  }
  if (places.size() != 1) return std::nullopt;
  return *places.begin();
}

PlacedCommand placed(const std::vector<std::string>& command,
                     const std::vector<StoredEntity>& files) {
  PlacedCommand result{.words = command, .absent = {}, .unrecorded = {}};
  const std::vector<Word> parts = apart(command);
  for (std::size_t i = 1; i < command.size(); ++i) {
    const auto& [option, value_at] = parts[i];
    if (value_at == std::string::npos || is_place(option) || is_one_of(kTexts, option)) continue;
    std::size_t at = value_at;
    const bool is_setting = option == kSetting;
    if (is_setting) {
      const std::size_t equals = command[i].find('=', at);
      if (equals == std::string::npos) continue;
      at = equals + 1;
    }
    const std::string value = command[i].substr(at);
    if (const auto place = place_now(value, files)) {
      result.words[i] = command[i].substr(0, at) + *place;
      continue;
    }
    // A setting may name what the command does not need.
    if (is_setting || value.find('/') == std::string::npos) continue;
    std::error_code problem;
    if (!fs::exists(value, problem))
      result.absent.push_back(value);
    else if (!fs::is_directory(value, problem))
      result.unrecorded.push_back(value);
  }
  return result;
}

std::vector<std::string> redirected(const std::vector<std::string>& command, const fs::path& into,
                                    const fs::path& config) {
  std::vector<std::string> words;
  bool into_file = false;
  const std::vector<Word> parts = apart(command);
  for (std::size_t i = 1; i < command.size(); ++i) {
    const auto& [option, value_at] = parts[i];
    if (!is_place(option)) {
      words.push_back(command[i]);
    } else if (option == kOutputFile && value_at != std::string::npos) {
      into_file = true;
      words.emplace_back(option);
      words.push_back((into / fs::path(command[i].substr(value_at)).filename()).string());
    }
  }
  if (!into_file) words.insert(words.end(), {"--output-dir", into.string()});
  for (const auto& [option, value] :
       {std::pair<const char*, fs::path>{"--journal-dir", into / "journal"},
        {"--report", into / "job.json"},
        {"--config", config}}) {
    words.emplace_back(option);
    words.push_back(value.string());
  }
  return words;
}

}  // namespace alisio::prov
