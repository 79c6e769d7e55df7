#pragma once
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <string>

namespace alisio {

/// A YAML file that people write.
struct YamlFile {
  std::string text;
  YAML::Node root;  ///< null if the file says nothing
};

/// The greatest size of such a file, in bytes. Parsing takes a second a megabyte.
inline constexpr std::size_t most_yaml_bytes = 1'000'000;

/// Parse the one YAML document of a text.
/// @param where what the text is, for messages: a file
/// @throws Error(configuration) naming the line if it is no YAML, or more than one document.
[[nodiscard]] YAML::Node parse_yaml(const std::string& text, const std::string& where);

/// Read a file of one YAML document. @throws Error(missing_input) if it cannot be opened,
/// Error(configuration) as parse_yaml(), or if it is a device or a pipe, no UTF-8, or larger than
/// most_yaml_bytes.
[[nodiscard]] YamlFile read_yaml_file(const std::filesystem::path& file);

}  // namespace alisio
