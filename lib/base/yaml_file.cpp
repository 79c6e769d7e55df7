#include "lib/base/yaml_file.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/base/plain_text.hpp"

namespace alisio {
namespace {

std::string place(const std::string& where, const YAML::Mark& mark) {
  return mark.is_null() ? where : fmt::format("{}:{}", where, mark.line + 1);
}

}  // namespace

YAML::Node parse_yaml(const std::string& text, const std::string& where) {
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(text);
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::configuration, "is no valid YAML: " + e.msg, place(where, e.mark),
                "mend this line or the one before it");
  }
  if (documents.size() > 1)
    throw Error(ErrorKind::configuration, "a second YAML document begins here, where one is read",
                place(where, documents[1].Mark()),
                "remove the line --- or ... before it, or what follows");
  return documents.empty() ? YAML::Node() : documents.front();
}

YamlFile read_yaml_file(const std::filesystem::path& file) {
  std::error_code unknown;
  // A device or a pipe may never end, or never begin.
  if (const auto status = std::filesystem::status(file, unknown);
      std::filesystem::exists(status) && std::filesystem::is_other(status))
    throw Error(ErrorKind::configuration, "is a device or a pipe, no file", file.string(),
                "name a file");
  if (const auto size = std::filesystem::file_size(file, unknown);
      !unknown && size > most_yaml_bytes)
    throw Error(ErrorKind::configuration,
                fmt::format("is too large to be what people write: {} bytes, at most {} are read",
                            size, most_yaml_bytes),
                file.string(), "is it the right file?");
  std::string text = read_text_file(file);
  if (!is_utf8(text))
    throw Error(ErrorKind::configuration, "is no UTF-8 text", file.string(),
                "iconv -f latin1 -t utf-8 makes it so");
  YAML::Node root = parse_yaml(text, file.string());
  return {.text = std::move(text), .root = std::move(root)};
}

}  // namespace alisio
