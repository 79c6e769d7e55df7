#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <span>
#include <string_view>

#include "apps/show.hpp"
#include "lib/base/error.hpp"
#include "lib/io/fits/file.hpp"
#include "lib/io/fits/gzip.hpp"
#include "lib/io/fits/header.hpp"
#include "lib/pipeline/muon_file.hpp"

namespace alisio::apps::show {
namespace {

using nlohmann::ordered_json;

bool is_muon_file(const fits::File& file) {
  for (const std::string& name : file.hdu_names())
    if (!name.empty() && name != "PRIMARY" && file.has_column(name, "muon_efficiency")) return true;
  return false;
}

/// The first table of a FITS file, if it has one.
const fits::Header* table_header(const std::vector<fits::Hdu>& hdus) {
  for (const fits::Hdu& hdu : hdus)
    if (hdu.header.text("XTENSION") == "BINTABLE") return &hdu.header;
  return nullptr;
}

/// Return the text between the quotes of a card, without trailing blanks; "''" is a quote.
std::string quoted(std::string_view card) {
  std::string text;
  const auto begin = card.find('\'');
  if (begin == std::string_view::npos) return text;
  for (std::size_t i = begin + 1; i < card.size(); ++i) {
    if (card[i] == '\'' && (i + 1 == card.size() || card[i + 1] != '\'')) break;
    text += card[i];
    if (card[i] == '\'') ++i;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

/// Return the texts of the primary header that have long names (HIERARCH), with their CONTINUE
/// cards: what a product says of its making.
std::map<std::string, std::string> long_cards(const std::filesystem::path& path) {
  constexpr std::size_t card_size = 80;
  constexpr std::string_view hierarch = "HIERARCH ", further = "CONTINUE";
  const fits::ByteSource source = fits::open_unpacked(path);
  const fits::Hdu primary = fits::read_hdus(source).front();
  std::string header(primary.data_offset - primary.header_offset, ' ');
  source.read(primary.header_offset, std::as_writable_bytes(std::span(header)));
  std::map<std::string, std::string> cards;
  std::string* last = nullptr;
  for (std::size_t at = 0; at + card_size <= header.size(); at += card_size) {
    const std::string_view card(header.data() + at, card_size);
    if (card.starts_with(further) && last != nullptr && last->ends_with('&')) {
      last->pop_back();
      *last += quoted(card);
      continue;
    }
    last = nullptr;
    const auto equals = card.find('=');
    if (!card.starts_with(hierarch) || equals == std::string_view::npos) continue;
    std::string name(card.substr(hierarch.size(), equals - hierarch.size()));
    name.erase(name.find_last_not_of(' ') + 1);
    last = &(cards[name] = quoted(card.substr(equals)));
  }
  return cards;
}

/// Mean and standard deviation of what is finite.
struct Spread {
  double mean = std::numeric_limits<double>::quiet_NaN(), stddev = mean;
};

Spread spread_of(const std::vector<double>& values) {
  double n = 0, sum = 0, sum2 = 0;
  for (const double value : values)
    if (std::isfinite(value)) ++n, sum += value;
  if (n == 0) return {};
  const double mean = sum / n;
  for (const double value : values)
    if (std::isfinite(value)) sum2 += (value - mean) * (value - mean);
  return {mean, std::sqrt(sum2 / n)};
}

ordered_json number(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json();
}

int show_muons(const Request& request) {
  refuse_images(request, "holds no camera images", "give the DL1 file of the same subrun");
  const pipeline::MuonTable table = pipeline::read_muons(request.file);
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "muon rings";
  add_name_facts(facts, request.file);
  facts["rings"] = table.rings.size();
  if (table.events >= 0) facts["events"] = table.events;
  double first = std::numeric_limits<double>::infinity(), last = -first;
  for (const auto& ring : table.rings)
    if (std::isfinite(ring.event_time))
      first = std::min(first, ring.event_time), last = std::max(last, ring.event_time);
  std::string span;
  if (first <= last) {
    facts["first_time_utc"] = utc_text(first);
    facts["last_time_utc"] = utc_text(last);
    span = fmt::format("{} to {} UTC", utc_text(first), utc_text(last));
  }

  struct Quantity {
    const char* name;
    const char* unit;
    double (*of)(const pipeline::MuonRing&);
  };
  using Ring = pipeline::MuonRing;
  const Quantity quantities[] = {
      {"ring_radius", "deg", [](const Ring& r) { return r.ring_radius; }},
      {"ring_width", "deg", [](const Ring& r) { return r.ring_width; }},
      {"ring_size", "p.e.", [](const Ring& r) { return double(r.ring_size); }},
      {"muon_efficiency", "", [](const Ring& r) { return r.muon_efficiency; }},
      {"impact_parameter", "m", [](const Ring& r) { return r.impact_parameter; }},
      {"ring_containment", "", [](const Ring& r) { return r.ring_containment; }},
      {"ring_completeness", "", [](const Ring& r) { return r.ring_completeness; }}};
  std::vector<std::vector<std::string>> cells;
  facts["quantities"] = ordered_json::array();
  for (const Quantity& quantity : quantities) {
    std::vector<double> values;
    for (const Ring& ring : table.rings) values.push_back(quantity.of(ring));
    const Spread spread = spread_of(values);
    facts["quantities"].push_back({{"name", quantity.name},
                                   {"unit", quantity.unit},
                                   {"mean", number(spread.mean)},
                                   {"stddev", number(spread.stddev)}});
    cells.push_back({quantity.name, cell_text(number(spread.mean)),
                     cell_text(number(spread.stddev)), quantity.unit});
  }
  std::string candidates;
  if (table.has_candidates) {
    std::map<std::string, std::size_t> cuts;
    for (const Ring& candidate : table.candidates) ++cuts[candidate.cut];
    facts["candidates"] = table.candidates.size();
    facts["cuts"] = cuts;
    for (const auto& [cut, n] : cuts)
      candidates += fmt::format("{}{} {}", candidates.empty() ? "" : ", ", n,
                                cut == "none" ? "good" : "cut by " + cut);
    candidates = fmt::format("{} ({})", table.candidates.size(), candidates);
  }
  const auto cards = long_cards(request.file);
  facts["made_by"] = maker_of([&](const std::string& name) {
    const auto card = cards.find(name);
    return card == cards.end() ? std::string() : card->second;
  });
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts({{"file", request.file.string()},
               {"level", "muon rings"},
               {"run", name_line(request.file)},
               {"events", table.events >= 0 ? std::to_string(table.events) : std::string()},
               {"rings", fmt::format("{} good", table.rings.size())},
               {"candidates", candidates},
               {"time", span}});
  print_maker(facts["made_by"]);
  if (!table.rings.empty()) {
    std::cout << '\n';
    print_table({"quantity", "mean", "stddev", "unit"}, cells, true);
  }
  return 0;
}

/// What comes after DL2: told by a table, and the cards of it that say the most.
struct KnownTable {
  const char* hdu;
  const char* level;
  struct KnownCard {
    const char *name, *key, *unit;
  };
  std::vector<KnownCard> cards;
};

/// Return the value of a card for people: numbers without the digits that nobody reads.
std::string short_value(const std::string& value, const std::string& unit) {
  double number = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (problem != std::errc() || end != value.data() + value.size()) return value;
  return fmt::format("{:.6g}{}{}", number, unit.empty() ? "" : " ", unit);
}

const KnownTable* known_table(const fits::File& file) {
  static const std::array known{
      KnownTable{"EVENTS",
                 "DL3: events for gammapy, with the instrument's response",
                 {{"source", "OBJECT", ""},
                  {"begin", "DATE-OBS", ""},
                  {"end", "DATE-END", ""},
                  {"live time", "LIVETIME", "s"},
                  {"ra", "RA_PNT", "deg"},
                  {"dec", "DEC_PNT", "deg"},
                  {"response", "IRFUSE", ""},
                  {"calibration", "CALFILE", ""},
                  {"gates", "GATES", ""},
                  {"made by", "CREATOR", ""}}},
      KnownTable{"EFFECTIVE AREA",
                 "instrument response",
                 {{"zenith", "ZEN_PNT", "deg"},
                  {"azimuth", "AZ_PNT", "deg"},
                  {"gammaness", "GH_CUT", ""},
                  {"efficiency", "GH_EFF", ""},
                  {"theta", "RAD_MAX", "deg"},
                  {"containment", "TH_CONT", ""}}},
      KnownTable{"HDU INDEX", "index of DL3: its tables", {{"folder", "BASE_DIR", ""}}},
      KnownTable{"OBS INDEX", "index of DL3: its observations", {}}};
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const KnownTable& table) { return file.has_hdu(table.hdu); });
  return found == known.end() ? nullptr : &*found;
}

}  // namespace

int show_fits(const Request& request) {
  const fits::File file = fits::File::open(request.file);
  const auto names = file.hdu_names();
  // The peers' table of muon rings has no name; its header is asked instead.
  const std::vector<fits::Hdu> hdus = fits::read_hdus(fits::open_unpacked(request.file));
  bool muons = request.file.filename().string().starts_with("muons_") || is_muon_file(file);
  if (const fits::Header* header = table_header(hdus))
    for (std::int64_t i = 1; i <= header->integer("TFIELDS").value_or(0); ++i)
      muons = muons || header->text(fmt::format("TTYPE{}", i)) == "muon_efficiency";
  if (muons) return show_muons(request);

  refuse_images(request, "holds no camera images", "give a DL1 file or raw data");
  ordered_json facts;
  facts["file"] = request.file.string();
  facts["level"] = "FITS";
  add_name_facts(facts, request.file);
  std::vector<std::pair<std::string, std::string>> lines{
      {"file", request.file.string()},
      {"level", "plain FITS: constants of early years, or another's file"},
      {"run", name_line(request.file)}};
  if (const KnownTable* table = known_table(file)) {
    facts["level"] = lines[1].second = table->level;
    for (const KnownTable::KnownCard& card : table->cards) {
      const std::string value = file.text_key(table->hdu, card.key).value_or("");
      if (value.empty()) continue;
      facts[card.key] = value;
      lines.emplace_back(card.name, short_value(value, card.unit));
    }
  }
  facts["hdus"] = ordered_json::array();
  std::vector<std::vector<std::string>> cells;
  for (std::size_t i = 0; i < names.size(); ++i) {
    ordered_json hdu{{"name", names[i]}};
    std::string what, size;
    if (i < hdus.size()) {
      const fits::Header& header = hdus[i].header;
      const auto axes = header.integer("NAXIS").value_or(0);
      what = header.text("XTENSION").value_or(axes > 0 ? "IMAGE" : "");
      for (std::int64_t axis = axes; axis >= 1; --axis)
        size += fmt::format("{}{}", size.empty() ? "" : " x ",
                            header.integer(fmt::format("NAXIS{}", axis)).value_or(0));
      if (what == "BINTABLE") size = fmt::format("{} rows", header.integer("NAXIS2").value_or(0));
      hdu["kind"] = what;
      hdu["size"] = size;
    }
    facts["hdus"].push_back(std::move(hdu));
    cells.push_back({names[i].empty() ? fmt::format("({})", i) : names[i], what, size});
  }
  if (request.json) {
    print_json(facts);
    return 0;
  }
  print_facts(lines);
  std::cout << '\n';
  print_table({"HDU", "kind", "size"}, cells, true);
  return 0;
}

}  // namespace alisio::apps::show
