#include "prov/records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <set>
#include <stdexcept>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"

namespace alisio::prov {

namespace fs = std::filesystem;
using nlohmann::json;

std::string iso_time(double unix_utc_s) {
  const auto us = static_cast<std::int64_t>(std::llround(unix_utc_s * 1e6));
  const std::time_t seconds = us / 1000000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{:06d}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     us % 1000000);
}

double now_unix_utc_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string format_line(const LoggerConfiguration& logger, const std::string& time,
                        const nlohmann::ordered_json& record) {
  std::string payload =
      record.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  if (payload.find(logger.prefix) != std::string::npos)
    replace_all(payload, logger.prefix,
                fmt::format("\\u{:04x}{}", static_cast<unsigned char>(logger.prefix[0]),
                            logger.prefix.substr(1)));
  std::string line = logger.format;
  replace_all(line, "%(levelname)s", "INFO");
  replace_all(line, "%(name)s", logger.logger_name);
  replace_all(line, "%(asctime)s", time);
  replace_all(line, "%(process)s", "");
  line.resize(line.size() - std::string_view("%(message)s").size());
  return line + logger.prefix + time + logger.prefix + payload + '\n';
}

namespace {

/// A recursive-descent reader of Python literals.
class PythonReader {
 public:
  explicit PythonReader(std::string_view text) : text_(text) {}

  json read() {
    json value = read_value(0);
    skip_space();
    if (at_ != text_.size()) fail("text after the value");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw std::invalid_argument(fmt::format("{} at character {}", what, at_));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }

  [[nodiscard]] char peek() {
    skip_space();
    if (at_ >= text_.size()) fail("cut short");
    return text_[at_];
  }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  json read_value(int depth) {
    constexpr int kDeepest = 64;
    if (depth > kDeepest) fail("too deep");
    const char c = peek();
    if (c == '{') return read_map(depth);
    if (c == '[') return read_list(depth, ']');
    if (c == '(') return read_list(depth, ')');
    if (c == '\'' || c == '"') return read_text();
    if (take_word("None")) return nullptr;
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    return read_number();
  }

  json read_map(int depth) {
    json map = json::object();
    ++at_;
    while (!take('}')) {
      const json key = read_value(depth + 1);
      if (!take(':')) fail("':' expected");
      map[key.is_string() ? key.get<std::string>() : key.dump()] = read_value(depth + 1);
      if (!take(',') && peek() != '}') fail("',' or '}' expected");
    }
    return map;
  }

  json read_list(int depth, char end) {
    json list = json::array();
    ++at_;
    while (!take(end)) {
      list.push_back(read_value(depth + 1));
      if (!take(',') && peek() != end) fail("',' or an end expected");
    }
    return list;
  }

  std::uint32_t read_hex(std::size_t digits) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < digits; ++i, ++at_) {
      if (at_ >= text_.size()) fail("cut short");
      const char c = text_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("bad escape");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }

  static void append_utf8(std::string& text, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
    } else {
      put(0xf0 | (code >> 18 & 7)), put(0x80 | (code >> 12 & 0x3f));
      put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
    }
  }

  std::string read_text() {
    const char quote = text_[at_++];
    std::string value;
    while (true) {
      if (at_ >= text_.size()) fail("text without an end");
      const char c = text_[at_++];
      if (c == quote) return value;
      if (c != '\\') {
        value.push_back(c);
        continue;
      }
      if (at_ >= text_.size()) fail("cut short");
      switch (const char e = text_[at_++]; e) {
        case 'n':
          value.push_back('\n');
          break;
        case 't':
          value.push_back('\t');
          break;
        case 'r':
          value.push_back('\r');
          break;
        case 'x':
          append_utf8(value, read_hex(2));
          break;
        case 'u':
          append_utf8(value, read_hex(4));
          break;
        case 'U':
          append_utf8(value, read_hex(8));
          break;
        case '\\':
        case '\'':
        case '"':
          value.push_back(e);
          break;
        default:
          value.push_back('\\'), value.push_back(e);
      }
    }
  }

  json read_number() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           std::string_view("+-.0123456789eE").find(text_[at_]) != std::string_view::npos)
      ++at_;
    json number = json::parse(text_.substr(begin, at_ - begin), nullptr, false);
    if (!number.is_number()) fail("no literal");
    return number;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void find_files(const fs::path& source, const std::string& extension, std::set<fs::path>& files) {
  std::error_code problem;
  if (fs::is_directory(source, problem)) {
    for (const auto& entry : fs::recursive_directory_iterator(source))
      if (entry.is_regular_file() && entry.path().extension() == extension &&
          entry.path().filename().string()[0] != '.')
        files.insert(entry.path());
  } else {
    files.insert(source);
  }
}

}  // namespace

json parse_python_literal(std::string_view text) {
  return PythonReader(text).read();
}

Journals read_journals(const std::vector<fs::path>& sources, const LoggerConfiguration& logger,
                       const std::vector<std::string>& wanted) {
  std::set<fs::path> files;
  for (const fs::path& source : sources)
    find_files(source, logger.journal_name.extension().string(), files);
  Journals journals;
  journals.texts.reserve(files.size());
  std::vector<Line> lines;
  for (const fs::path& file : files) {
    const std::string_view text = journals.texts.emplace_back(read_text_file(file));
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = text.substr(begin, end - begin);
      begin = end + 1;
      if (line.empty()) continue;
      const std::size_t first = line.find(logger.prefix);
      const std::size_t second = first == std::string_view::npos
                                     ? first
                                     : line.find(logger.prefix, first + logger.prefix.size());
      if (first == std::string_view::npos) {
        ++journals.other_lines;
      } else if (second == std::string_view::npos) {
        ++journals.broken_lines;
      } else {
        const std::size_t at = first + logger.prefix.size();
        lines.push_back({line, line.substr(at, second - at), nullptr});
      }
    }
  }
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.time != b.time ? a.time < b.time : a.text < b.text;
  });
  lines.erase(std::unique(lines.begin(), lines.end(),
                          [](const Line& a, const Line& b) { return a.text == b.text; }),
              lines.end());
  journals.lines.reserve(lines.size());
  for (Line& line : lines) {
    const auto offset = static_cast<std::size_t>(line.time.data() - line.text.data());
    const std::string_view payload =
        line.text.substr(offset + line.time.size() + logger.prefix.size());
    // A line that was cut short is broken whosever it was.
    if (!payload.ends_with('}')) {
      ++journals.broken_lines;
      continue;
    }
    ++journals.records;
    if (!wanted.empty() && std::none_of(wanted.begin(), wanted.end(), [&](const std::string& w) {
          return payload.find(w) != std::string_view::npos;
        }))
      continue;
    line.record = json::parse(payload, nullptr, false);
    if (line.record.is_discarded()) {
      try {
        line.record = parse_python_literal(payload);
      } catch (const std::invalid_argument&) {
        line.record = nullptr;
      }
    }
    if (!line.record.is_object()) {
      ++journals.broken_lines;
      --journals.records;
      continue;
    }
    journals.lines.push_back(std::move(line));
  }
  return journals;
}

}  // namespace alisio::prov
