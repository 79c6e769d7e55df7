#include "lib/instrument/text_table.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

#include "lib/base/error.hpp"

namespace alisio::instrument {
namespace {

constexpr const char* kRemedy = "restore the file from the distribution";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '\'' || text.front() == '"');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

/// Take the next cell from the front of `line`; empty at its end.
std::string_view next_cell(std::string_view& line) {
  line = trimmed(line);
  if (line.empty()) return {};
  std::size_t end = 0;
  if (line.front() == '"') {
    end = line.find('"', 1);
    end = end == std::string_view::npos ? line.size() : end + 1;
  } else {
    end = std::min(line.find_first_of(" \t"), line.size());
  }
  const auto cell = line.substr(0, end);
  line.remove_prefix(end);
  return cell;
}

/// `where` is called only to report an error: building it for each cell would cost more than
/// parsing.
template <class Number, class Where>
Number parsed(std::string_view text, Where where) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(ErrorKind::bad_input, "\"" + std::string(text) + "\" is not a number", where(),
                kRemedy);
  }
  return number;
}

}  // namespace

TextTable::TextTable(const std::filesystem::path& path) : path_(path.string()) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorKind::missing_input, "the camera data file cannot be opened", path_,
                "check the cfg folder");
  }
  std::error_code error;
  content_.resize(std::filesystem::file_size(path, error));
  if (error || !file.read(content_.data(), static_cast<std::streamsize>(content_.size()))) {
    throw Error(ErrorKind::bad_input, "the camera data file cannot be read", path_, kRemedy);
  }
  std::string_view rest = content_;
  for (std::size_t line_number = 1; !rest.empty(); ++line_number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    if (line.front() == '#') {
      line = trimmed(line.substr(1));
      const auto colon = line.find(": ");
      if (colon != std::string_view::npos && line.front() != '-') {
        meta_.push_back(
            {line.substr(0, colon), unquoted(trimmed(line.substr(colon + 2))), line_number});
      }
      continue;
    }
    if (columns_.empty()) {
      while (!(line = trimmed(line)).empty()) columns_.push_back(next_cell(line));
      continue;
    }
    std::size_t n = 0;
    for (; !(line = trimmed(line)).empty(); ++n) cells_.push_back(unquoted(next_cell(line)));
    lines_.push_back(line_number);
    if (n != columns_.size()) {
      throw Error(ErrorKind::bad_input,
                  std::to_string(n) + " values in place of " + std::to_string(columns_.size()),
                  where(lines_.size() - 1), kRemedy);
    }
  }
  if (columns_.empty()) throw Error(ErrorKind::bad_input, "no column names", path_, kRemedy);
}

std::size_t TextTable::column(std::string_view name) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i] == name) return i;
  }
  throw Error(ErrorKind::bad_input, "no column \"" + std::string(name) + "\"", path_, kRemedy);
}

double TextTable::real(std::size_t row, std::size_t column) const {
  return parsed<double>(text(row, column), [&] { return where(row); });
}

std::int64_t TextTable::integer(std::size_t row, std::size_t column) const {
  return parsed<std::int64_t>(text(row, column), [&] { return where(row); });
}

const TextTable::Meta& TextTable::meta(std::string_view key) const {
  for (const auto& entry : meta_) {
    if (entry.key == key) return entry;
  }
  throw Error(ErrorKind::bad_input, "no metadata \"" + std::string(key) + "\"", path_, kRemedy);
}

std::string TextTable::meta_text(std::string_view key) const {
  return std::string(meta(key).value);
}

double TextTable::meta_real(std::string_view key) const {
  const auto& entry = meta(key);
  return parsed<double>(entry.value, [&] { return path_ + ":" + std::to_string(entry.line); });
}

std::int64_t TextTable::meta_integer(std::string_view key) const {
  const auto& entry = meta(key);
  return parsed<std::int64_t>(entry.value,
                              [&] { return path_ + ":" + std::to_string(entry.line); });
}

std::string TextTable::where(std::size_t row) const {
  return path_ + ":" + std::to_string(lines_[row]);
}

}  // namespace alisio::instrument
