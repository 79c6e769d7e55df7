#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace alisio::config {

/// A value of a file of lstchain that is not what this program does.
struct Difference {
  std::string key;
  std::vector<std::string> stages;  ///< whose products it decides on
  std::string problem, where, remedy;
};

/// The effective configuration: defaults, then files in order, then single overrides; every value
/// validated against options(). A key given replaces that key only, never its whole block.
class Configuration {
 public:
  /// Return the defaults. Relative default paths are taken from `base`.
  static Configuration defaults(const std::filesystem::path& base = {});

  /// Load YAML or JSON files over the defaults, then apply overrides of the form "key=value".
  /// A JSON file may be one of lstchain's: what it holds beyond options() is followed, or kept in
  /// differences(), or changes nothing; what a block of it leaves out is what lstchain takes then.
  /// Keys of it that nobody knows are named in a warning, if they resemble none.
  /// @throws Error(configuration) naming file, line and key, with a suggestion for unknown keys.
  static Configuration load(const std::vector<std::filesystem::path>& files,
                            const std::vector<std::string>& overrides = {});

  /// Read some top-level blocks of one more file over the values; what else it holds is not looked
  /// at, and need not be known. @return how many of the blocks the file has.
  /// @throws Error(configuration), as load().
  [[nodiscard]] std::size_t read_blocks(const std::filesystem::path& file,
                                        const std::vector<std::string>& blocks);

  /// Refuse what the files ask of a stage that it does not do. @throws Error(configuration).
  void require_followed(std::string_view stage) const;
  /// What the files ask for that is not done, in their order.
  [[nodiscard]] const std::vector<Difference>& differences() const { return differences_; }

  [[nodiscard]] double number(std::string_view key) const;  ///< null reads as NaN
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> integer_or_null(std::string_view key) const;
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean_or_null(std::string_view key) const;
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] std::pair<double, double> range(std::string_view key) const;
  [[nodiscard]] std::map<std::string, std::pair<double, double>> ranges(std::string_view key) const;
  [[nodiscard]] std::map<std::string, double> numbers(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> words(std::string_view key) const;
  /// Return an absolute path, or an empty one if the value is empty.
  [[nodiscard]] std::filesystem::path path(std::string_view key) const;

  /// Set one value, or one entry of a block of names, as an override would.
  /// @throws Error(configuration).
  void set(std::string_view key, const std::string& value);

  /// Return the part below the given top-level keys ("tailcut") or single keys, as one JSON object
  /// with sorted keys: what a stage reads, hence what its identity holds.
  [[nodiscard]] nlohmann::json section(const std::vector<std::string>& keys) const;
  /// Return section(keys) as canonical text; infinities are the strings "inf" and "-inf".
  [[nodiscard]] std::string section_json(const std::vector<std::string>& keys) const;
  /// Return everything as one JSON object.
  [[nodiscard]] nlohmann::json all() const;

  /// The files that were read, in order.
  [[nodiscard]] const std::vector<std::filesystem::path>& files() const { return files_; }

 private:
  bool set_entry(std::string_view key, const std::string& text);
  [[nodiscard]] const nlohmann::json& value(std::string_view key) const;
  std::vector<std::pair<std::string, nlohmann::json>> values_;  ///< in the order of options()
  std::vector<std::filesystem::path> files_;
  std::vector<Difference> differences_;
};

}  // namespace alisio::config
