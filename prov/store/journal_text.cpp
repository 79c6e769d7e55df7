#include "prov/store/journal_text.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "prov/records.hpp"
#include "prov/remark.hpp"

namespace alisio::prov {
namespace {

using nlohmann::json;

/// One value of a JSON object, as it stands in the text.
struct Field {
  std::string_view key, text;  ///< of a quoted value without its quotes
  bool quoted = false, escaped = false;
};

/// Reads the fields of one JSON object, one level deep.
class Fields {
 public:
  static constexpr std::size_t most = 64;

  /// Return false if the text is no JSON object, or has more fields than any record.
  bool read(std::string_view text) {
    count_ = 0;
    const char *at = text.data(), *end = at + text.size();
    const auto skip = [&] {
      while (at != end && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
    };
    skip();
    if (at == end || *at++ != '{') return false;
    skip();
    if (at != end && *at == '}') return rest_is_empty(at + 1, end);
    while (at != end && count_ < most) {
      Field& field = fields_[count_++];
      skip();
      bool key_escaped = false;
      if (!read_text(at, end, field.key, key_escaped) || key_escaped) return false;
      skip();
      if (at == end || *at++ != ':') return false;
      skip();
      if (at == end) return false;
      field.escaped = false;
      field.quoted = *at == '"';
      if (field.quoted) {
        if (!read_text(at, end, field.text, field.escaped)) return false;
      } else if (!read_bare(at, end, field.text)) {
        return false;
      }
      skip();
      if (at == end) return false;
      if (*at == '}') return rest_is_empty(at + 1, end);
      if (*at++ != ',') return false;
    }
    return false;
  }

  [[nodiscard]] const Field* find(std::string_view key) const {
    for (std::size_t i = 0; i < count_; ++i)
      if (fields_[i].key.size() == key.size() && fields_[i].key[0] == key[0] &&
          std::memcmp(fields_[i].key.data(), key.data(), key.size()) == 0)
        return &fields_[i];
    return nullptr;
  }

 private:
  static bool rest_is_empty(const char* at, const char* end) {
    while (at != end && (*at == ' ' || *at == '\t' || *at == '\r')) ++at;
    return at == end;
  }

  /// Read a text from its quote on; end after its closing one.
  static bool read_text(const char*& at, const char* end, std::string_view& text, bool& escaped) {
    if (at == end || *at != '"') return false;
    const char* const begin = ++at;
    while (true) {
      const auto* quote =
          static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
      if (quote == nullptr) return false;
      const char* slash = quote;
      while (slash != begin && slash[-1] == '\\') --slash;
      at = quote + 1;
      if ((quote - slash) % 2 != 0) continue;
      text = {begin, static_cast<std::size_t>(quote - begin)};
      escaped = std::memchr(begin, '\\', text.size()) != nullptr;
      return true;
    }
  }

  /// Read a number, a word, an object or a list.
  static bool read_bare(const char*& at, const char* end, std::string_view& text) {
    const char* const begin = at;
    if (*at == '{' || *at == '[') {
      int depth = 0;
      while (at != end) {
        const char c = *at;
        if (c == '"') {
          std::string_view inner;
          bool escaped = false;
          if (!read_text(at, end, inner, escaped)) return false;
          continue;
        }
        ++at;
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && --depth == 0) break;
      }
      if (depth != 0) return false;
      text = {begin, static_cast<std::size_t>(at - begin)};
      return true;
    }
    while (at != end && *at != ',' && *at != '}' && *at != ' ') ++at;
    text = {begin, static_cast<std::size_t>(at - begin)};
    if (text == "true" || text == "false" || text == "null") return true;
    double number = 0;
    const auto [last, problem] = std::from_chars(begin, at, number);
    return problem == std::errc() && last == at;
  }

  std::array<Field, most> fields_;
  std::size_t count_ = 0;
};

std::int64_t digits(std::string_view text, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// Days since 1970 of a date of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level
/// date algorithms").
std::int64_t days_since_epoch(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400, of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/// Order lines of equal time by a few bits of their text.
LineKey key_of(std::int64_t us, std::string_view text) {
  std::uint64_t mixed = 0x9e3779b97f4a7c15ULL ^ text.size();
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    mixed = (mixed ^ word) * 0xff51afd7ed558ccdULL;
    mixed ^= mixed >> 32;
  }
  for (; at < text.size(); ++at)
    mixed = (mixed ^ static_cast<unsigned char>(text[at])) * 0xff51afd7ed558ccdULL;
  return static_cast<LineKey>(static_cast<std::uint64_t>(us) << 11 | (mixed >> 53));
}

class Reader {
 public:
  Reader(JournalLines& lines, const LoggerConfiguration& logger)
      : lines_(lines), prefix_(logger.prefix) {}

  enum class Verdict { record, other, broken };

  Verdict read_line(std::string_view line) {
    const std::size_t first = line.find(prefix_);
    if (first == std::string_view::npos) return Verdict::other;
    const std::size_t time_at = first + prefix_.size();
    const std::size_t second = line.find(prefix_, time_at);
    if (second == std::string_view::npos) return Verdict::broken;
    const std::string_view payload = line.substr(second + prefix_.size());
    time_ = line.substr(time_at, second - time_at);
    const std::int64_t us = microseconds_of(time_);
    if (us == 0) return Verdict::broken;
    if (fields_.read(payload)) {
      take(us, payload);
      return Verdict::record;
    }
    if (!payload.ends_with('}')) return Verdict::broken;
    json record = json::parse(payload, nullptr, false);
    if (record.is_discarded()) {
      try {
        record = parse_python_literal(payload);
      } catch (const std::invalid_argument&) {
        return Verdict::broken;
      }
    }
    if (!record.is_object()) return Verdict::broken;
    const std::string& text =
        lines_.owned.emplace_back(record.dump(-1, ' ', false, json::error_handler_t::replace));
    if (!fields_.read(text)) return Verdict::broken;
    take(us, payload);
    return Verdict::record;
  }

 private:
  /// A field as text; what is no text as JSON; empty if absent or null.
  std::string_view text(const char* key) {
    const Field* field = fields_.find(key);
    return field == nullptr ? std::string_view() : text(*field);
  }
  std::string_view text(const Field& field) {
    if (!field.quoted) return field.text == "null" ? std::string_view() : field.text;
    if (!field.escaped) return field.text;
    const std::string_view whole(field.text.data() - 1, field.text.size() + 2);
    const json value = json::parse(whole, nullptr, false);
    return lines_.owned.emplace_back(value.is_string() ? value.get<std::string>()
                                                       : std::string(field.text));
  }
  std::int64_t integer(const char* key) {
    const std::string_view value = text(key);
    std::int64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    return number;
  }

  std::string_view remark_of_use() {
    const std::string_view part = text("part");
    if (part.empty()) return text("choice");
    return lines_.owned.emplace_back(remark_of_part(part));
  }

  void take(std::int64_t us, std::string_view payload) {
    const auto has = [&](const char* key) { return fields_.find(key) != nullptr; };
    if (has("activity_id")) {
      const std::string_view id = text("activity_id");
      if (has("used_id") || has("generated_id")) {
        const bool generated = has("generated_id");
        lines_.flows.push_back({id, text(generated ? "generated_id" : "used_id"),
                                text(generated ? "generated_role" : "used_role"), text("port"),
                                generated ? text("quality") : remark_of_use(), us, generated});
      } else if (has("parameters")) {
        lines_.parameters.push_back({id, text("parameters"), key_of(us, payload)});
      } else if (has("endTime")) {
        lines_.ends.push_back({id, text("status"), text("message"),
                               microseconds_of(text("endTime")),
                               static_cast<int>(integer("exit_code")), key_of(us, payload)});
      } else if (has("name")) {
        lines_.starts.push_back(
            {id, text("name"), text("in_session"), text("session_tag"), text("observation_subrun"),
             text("telescope"), text("observation_date"), text("prod_id"), text("agent_name"),
             text("software_version"), text("software_commit"), text("status"), text("origin"),
             text("command"), microseconds_of(text("startTime")), key_of(us, payload)});
      }
    } else if (has("session_id")) {
      take_session(us, payload);
    } else if (has("note_about")) {
      lines_.notes.push_back(
          {text("note_about"), has("time") ? text("time") : time_, text("author"), text("note")});
    } else if (has("entity_id")) {
      if (has("progenitor_id")) {
        lines_.derivations.push_back({text("entity_id"), text("progenitor_id")});
      } else if (has("member_id")) {
        lines_.members.push_back({text("entity_id"), text("member_id")});
      } else if (has("name")) {
        std::string_view path = text("filepath");
        if (path.empty()) path = text("location");
        lines_.entities.push_back({text("entity_id"), text("name"), text("type"), path,
                                   text("logical_path"), text("sha256"), text("data_hash"),
                                   text("value"), integer("size_bytes"), key_of(us, payload)});
      }
    }
  }

  void take_session(std::int64_t us, std::string_view payload) {
    SessionLine session{text("session_id"), {}, {}, key_of(us, payload)};
    const Field* system = fields_.find("system");
    Fields inside;
    if (system != nullptr && !system->quoted && inside.read(system->text)) {
      std::string environment = "{";
      for (const char* key : {"platform", "build", "python", "environment"}) {
        const Field* field = inside.find(key);
        if (field == nullptr || field->quoted) continue;
        if (environment.size() > 1) environment += ',';
        environment.append("\"").append(key).append("\":").append(field->text);
      }
      session.environment = lines_.owned.emplace_back(environment + '}');
      Fields platform;
      if (const Field* field = inside.find("platform");
          field != nullptr && !field->quoted && platform.read(field->text))
        if (const Field* node = platform.find("node"); node != nullptr) session.host = text(*node);
    }
    lines_.sessions.push_back(session);
  }

  JournalLines& lines_;
  const std::string& prefix_;
  std::string_view time_;  ///< of the line
  Fields fields_;
};

}  // namespace

std::int64_t microseconds_of(std::string_view iso) noexcept {
  const std::int64_t year = digits(iso, 0, 4), month = digits(iso, 5, 2), day = digits(iso, 8, 2);
  const std::int64_t hour = digits(iso, 11, 2), minute = digits(iso, 14, 2),
                     second = digits(iso, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 24 ||
      minute < 0 || minute > 59 || second < 0 || second > 60)
    return 0;
  std::int64_t us = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
  us *= 1000000;
  std::size_t at = 19;
  if (at < iso.size() && iso[at] == '.') {
    std::int64_t unit = 100000;
    for (++at; at < iso.size() && iso[at] >= '0' && iso[at] <= '9'; ++at, unit /= 10)
      us += unit * (iso[at] - '0');
  }
  if (at < iso.size() && (iso[at] == '+' || iso[at] == '-')) {
    const std::int64_t hours = digits(iso, at + 1, 2);
    const std::int64_t minutes =
        digits(iso, iso.size() > at + 3 && iso[at + 3] == ':' ? at + 4 : at + 3, 2);
    const std::int64_t offset = (hours < 0 ? 0 : hours) * 60 + (minutes < 0 ? 0 : minutes);
    us -= (iso[at] == '+' ? 1 : -1) * offset * 60 * 1000000;
  }
  return us;
}

JournalLines read_journal_text(std::string_view text, const LoggerConfiguration& logger) {
  JournalLines lines;
  Reader reader(lines, logger);
  for (std::size_t begin = 0; begin < text.size();) {
    const auto* feed =
        static_cast<const char*>(std::memchr(text.data() + begin, '\n', text.size() - begin));
    const std::size_t end =
        feed == nullptr ? text.size() : static_cast<std::size_t>(feed - text.data());
    const auto verdict = reader.read_line(text.substr(begin, end - begin));
    if (feed == nullptr) {
      lines.cut = verdict == Reader::Verdict::broken;
      break;
    }
    if (verdict == Reader::Verdict::broken) ++lines.broken;
    begin = end + 1;
    lines.whole = begin;
  }
  return lines;
}

}  // namespace alisio::prov
