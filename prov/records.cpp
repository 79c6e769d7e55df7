#include "prov/records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <future>
#include <set>
#include <stdexcept>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "prov/json_members.hpp"

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
  if (!fs::is_directory(source, problem)) {
    files.insert(source);
    return;
  }
  const auto refuse = [&] {
    throw Error(ErrorKind::resource, "the folder cannot be listed: " + problem.message(),
                source.string(), "journals are looked for in it");
  };
  // Folders below that are not ours to read hold no journals of ours; the folder itself is asked
  // for.
  if (fs::directory_iterator(source, problem); problem) refuse();
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator entry(source, options, problem), end;
       !problem && entry != end; entry.increment(problem)) {
    std::error_code gone;
    if (entry->is_regular_file(gone) && entry->path().extension() == extension &&
        entry->path().filename().string()[0] != '.')
      files.insert(entry->path());
  }
  if (problem) refuse();
}

}  // namespace

json parse_python_literal(std::string_view text) {
  return PythonReader(text).read();
}

namespace {

/// A line before it is asked for.
struct RawLine {
  std::string_view text, time, payload;
  bool is_whole = true;  ///< one that was cut short is broken whosever it was
};

template <class A, class B>
bool in_order(const A& a, const B& b) {
  const int order = a.time.compare(b.time);
  return order != 0 ? order < 0 : a.text < b.text;
}

json parse_payload(std::string_view payload) {
  if (nested_too_deep(payload)) return json(json::value_t::discarded);
  json record = json::parse(payload, nullptr, false);
  if (!record.is_discarded()) return record;
  try {
    return parse_python_literal(payload);
  } catch (const std::invalid_argument&) {
    return nullptr;
  }
}

}  // namespace

struct JournalReader::State {
  LoggerConfiguration logger;
  std::set<fs::path> files;
  std::vector<std::shared_ptr<const std::string>> texts;
  std::vector<RawLine> lines;  ///< sorted by time and text, each different line once
  std::int64_t broken_lines = 0, other_lines = 0;
};

JournalReader::JournalReader(const LoggerConfiguration& logger)
    : state_(std::make_unique<State>()) {
  state_->logger = logger;
}
JournalReader::~JournalReader() = default;
JournalReader::JournalReader(JournalReader&&) noexcept = default;
JournalReader& JournalReader::operator=(JournalReader&&) noexcept = default;

std::optional<LineParts> split_line(std::string_view line, std::string_view prefix) {
  const std::size_t first = line.find(prefix);
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t at = first + prefix.size();
  const std::size_t second = line.find(prefix, at);
  if (second == std::string_view::npos) return std::nullopt;
  return LineParts{line.substr(at, second - at), line.substr(second + prefix.size())};
}

bool JournalReader::add(const std::vector<fs::path>& sources) {
  std::set<fs::path> found;
  for (const fs::path& source : sources)
    find_files(source, state_->logger.journal_name.extension().string(), found);
  const std::string& prefix = state_->logger.prefix;
  const std::size_t n_before = state_->lines.size();
  bool is_new = false;
  for (const fs::path& file : found) {
    if (!state_->files.insert(file).second) continue;
    is_new = true;
    state_->texts.push_back(std::make_shared<const std::string>(read_text_file(file)));
    const std::string_view text = *state_->texts.back();
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = text.substr(begin, end - begin);
      begin = end + 1;
      if (line.empty()) continue;
      const std::optional<LineParts> parts = split_line(line, prefix);
      if (!parts) {
        const bool has_one = line.find(prefix) != std::string_view::npos;
        ++(has_one ? state_->broken_lines : state_->other_lines);
        continue;
      }
      state_->lines.push_back({line, parts->time, parts->payload, parts->payload.ends_with('}')});
    }
  }
  if (state_->lines.size() == n_before) return is_new;
  std::sort(state_->lines.begin(), state_->lines.end(), &in_order<RawLine, RawLine>);
  state_->lines.erase(
      std::unique(state_->lines.begin(), state_->lines.end(),
                  [](const RawLine& a, const RawLine& b) { return a.text == b.text; }),
      state_->lines.end());
  return is_new;
}

Journals JournalReader::records(const std::vector<std::string>& wanted, Journals earlier) {
  Journals journals;
  journals.broken_lines = state_->broken_lines;
  journals.other_lines = state_->other_lines;
  std::vector<Line> lines;
  std::vector<std::size_t> unread;
  auto known = earlier.lines.begin();
  for (const RawLine& line : state_->lines) {
    if (!line.is_whole) {
      ++journals.broken_lines;
      continue;
    }
    ++journals.records;
    while (known != earlier.lines.end() && in_order(*known, line)) ++known;
    if (known != earlier.lines.end() && known->text == line.text) {
      lines.push_back({line.text, line.time, std::move(known->record)});
    } else if (wanted.empty() ||
               std::any_of(wanted.begin(), wanted.end(), [&](const std::string& w) {
                 return line.payload.find(w) != std::string_view::npos;
               })) {
      unread.push_back(lines.size());
      lines.push_back({line.text, line.time, nullptr});
    }
  }
  const auto parse = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      Line& line = lines[unread[i]];
      const auto offset = static_cast<std::size_t>(line.time.data() - line.text.data());
      line.record =
          parse_payload(line.text.substr(offset + line.time.size() + state_->logger.prefix.size()));
    }
  };
  // Each line is read by itself, so the number of threads changes nothing but the time.
  constexpr std::size_t lines_worth_a_thread = 1000;
  const std::size_t n_threads =
      std::min<std::size_t>({4, std::max(1U, std::thread::hardware_concurrency()),
                             1 + unread.size() / lines_worth_a_thread});
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < n_threads; ++i)
    others.push_back(std::async(std::launch::async, parse, unread.size() * i / n_threads,
                                unread.size() * (i + 1) / n_threads));
  parse(0, unread.size() / n_threads);
  for (std::future<void>& other : others) other.get();
  const std::size_t n = lines.size();
  std::erase_if(lines, [](const Line& line) { return !line.record.is_object(); });
  journals.broken_lines += static_cast<std::int64_t>(n - lines.size());
  journals.records -= static_cast<std::int64_t>(n - lines.size());
  journals.lines = std::move(lines);
  return journals;
}

const std::vector<std::shared_ptr<const std::string>>& JournalReader::texts() const {
  return state_->texts;
}

void JournalReader::each_payload(const std::function<void(std::string_view)>& see) const {
  for (const RawLine& line : state_->lines)
    if (line.is_whole) see(line.payload);
}

std::string_view text_field(std::string_view payload, std::string_view key) {
  const bool is_python = payload.size() > 1 && payload[1] == '\'';
  const char quote = is_python ? '\'' : '"';
  for (std::size_t at = payload.find(key); at != std::string_view::npos;
       at = payload.find(key, at + 1)) {
    std::size_t next = at + key.size();
    if (at == 0 || payload[at - 1] != quote || next >= payload.size() || payload[next] != quote)
      continue;
    next = payload.find_first_not_of(" :", next + 1);
    if (next == std::string_view::npos || payload[next] != quote) return {};
    const std::size_t end = payload.find(quote, next + 1);
    return end == std::string_view::npos ? std::string_view()
                                         : payload.substr(next + 1, end - next - 1);
  }
  return {};
}

Journals read_journals(const std::vector<fs::path>& sources, const LoggerConfiguration& logger,
                       const std::vector<std::string>& wanted) {
  JournalReader reader(logger);
  reader.add(sources);
  Journals journals = reader.records(wanted);
  journals.texts = reader.texts();
  return journals;
}

}  // namespace alisio::prov
