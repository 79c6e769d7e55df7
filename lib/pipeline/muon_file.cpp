#include "lib/pipeline/muon_file.hpp"

#include <fmt/format.h>

#include <bit>
#include <type_traits>
#include <variant>

#include "lib/base/error.hpp"
#include "lib/io/fits/file.hpp"
#include "lib/io/fits/table_writer.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr const char* candidates_name = "CANDIDATES";
constexpr const char* events_key = "NEVENTS";

using Member = std::variant<std::int64_t MuonRing::*, double MuonRing::*, float MuonRing::*,
                            bool MuonRing::*, std::string MuonRing::*>;

struct ColumnOfRing {
  const char* name;
  const char* unit;
  const char* meaning;
  Member member;
};

constexpr const char* angle = "deg";

/// lstchain's columns in its order.
const std::vector<ColumnOfRing>& ring_columns() {
  static const std::vector<ColumnOfRing> all{
      {"event_id", "", "", &MuonRing::event_id},
      {"event_time", "s", "UTC unix", &MuonRing::event_time},
      {"mc_energy", "", "-1: data", &MuonRing::mc_energy},
      {"ring_size", "p.e.", "light in the ring", &MuonRing::ring_size},
      {"size_outside", "p.e.", "cleaned light outside it", &MuonRing::size_outside},
      {"ring_center_x", angle, "longitude in the field", &MuonRing::ring_center_x},
      {"ring_center_y", angle, "latitude in the field", &MuonRing::ring_center_y},
      {"ring_radius", angle, "", &MuonRing::ring_radius},
      {"ring_width", angle, "Gaussian, fitted", &MuonRing::ring_width},
      {"good_ring", "", "passes all cuts", &MuonRing::good_ring},
      {"muon_efficiency", "", "p.e. per photon", &MuonRing::muon_efficiency},
      {"ring_containment", "", "fraction in the camera", &MuonRing::ring_containment},
      {"ring_completeness", "", "fraction that shines", &MuonRing::ring_completeness},
      {"impact_parameter", "m", "from the mirror's middle", &MuonRing::impact_parameter},
      {"impact_x_array", "m", "", &MuonRing::impact_x_array},
      {"impact_y_array", "m", "", &MuonRing::impact_y_array},
      {"radial_stdev", angle, "of light along the radius", &MuonRing::radial_stdev},
      {"radial_skewness", "", "", &MuonRing::radial_skewness},
      {"radial_excess_kurtosis", "", "", &MuonRing::radial_excess_kurtosis},
      {"num_pixels_in_ring", "", "", &MuonRing::num_pixels_in_ring},
      {"mean_pixel_charge_around_ring", "p.e.", "", &MuonRing::mean_pixel_charge_around_ring},
      {"hg_peak_sample", "", "of stacked bright pixels", &MuonRing::hg_peak_sample},
      {"lg_peak_sample", "", "of stacked bright pixels", &MuonRing::lg_peak_sample}};
  return all;
}

/// What candidates have besides.
const std::vector<ColumnOfRing>& candidate_columns() {
  static const std::vector<ColumnOfRing> all{
      {"cut", "", "the first that rejected it", &MuonRing::cut},
      {"bright_pixels", "", "> 10 p.e., shower image", &MuonRing::bright_pixels},
      {"bright_pixels_common_window", "", "> 10 p.e., ring image",
       &MuonRing::bright_pixels_common_window},
      {"bright_pixels_in_ring", "", "> 10 p.e.", &MuonRing::bright_pixels_in_ring},
      {"charged_pixels_in_ring", "", "charge not 0", &MuonRing::charged_pixels_in_ring},
      {"fit_nll", "", "at the minimum of the light fit", &MuonRing::fit_nll}};
  return all;
}

const std::vector<ColumnOfRing>& run_columns() {
  static const std::vector<ColumnOfRing> all{{"obs_id", "", "run", &MuonRing::obs_id},
                                             {"subrun", "", "", &MuonRing::subrun}};
  return all;
}

fits::Column column_of(const ColumnOfRing& column, const std::vector<MuonRing>& rows,
                       bool with_unit) {
  fits::Column out;
  out.name = column.name;
  // The peers' table has no units, and what reads it expects none.
  if (with_unit) out.unit = column.unit;
  out.comment = column.meaning;
  if (!with_unit && *column.unit != 0)
    out.comment = fmt::format("[{}]{}{}", column.unit, out.comment.empty() ? "" : " ", out.comment);
  std::visit(
      [&](auto member) {
        using T = std::remove_cvref_t<decltype(std::declval<MuonRing>().*member)>;
        if constexpr (std::is_same_v<T, bool>) {
          fits::Logicals values;
          for (const MuonRing& row : rows) values.values.push_back(row.*member ? 1 : 0);
          out.values = std::move(values);
        } else {
          std::vector<T> values;
          values.reserve(rows.size());
          for (const MuonRing& row : rows) values.push_back(row.*member);
          out.values = std::move(values);
        }
      },
      column.member);
  return out;
}

fits::BinaryTable table_of(const std::string& name, const std::vector<MuonRing>& rows,
                           const std::vector<const std::vector<ColumnOfRing>*>& columns,
                           bool with_units) {
  fits::BinaryTable table;
  table.name = name;
  for (const auto* group : columns)
    for (const ColumnOfRing& column : *group)
      table.columns.push_back(column_of(column, rows, with_units));
  return table;
}

void read_columns(const fits::File& file, const std::string& table,
                  const std::vector<ColumnOfRing>& columns, std::vector<MuonRing>& rows) {
  for (const ColumnOfRing& column : columns) {
    std::visit(
        [&](auto member) {
          using T = std::remove_cvref_t<decltype(std::declval<MuonRing>().*member)>;
          using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
          const auto fill = [&](const auto& values) {
            for (std::size_t i = 0; i < rows.size(); ++i) rows[i].*member = T(values[i]);
          };
          if constexpr (std::is_same_v<T, std::string>)
            fill(file.text_column(table, column.name));
          else
            fill(file.column<Stored>(table, column.name));
        },
        column.member);
  }
}

/// The same values in the columns of `groups`, NaN equal to NaN.
bool same_rows(const std::vector<MuonRing>& a, const std::vector<MuonRing>& b,
               const std::vector<const std::vector<ColumnOfRing>*>& groups) {
  const auto equal = [](const auto& x, const auto& y) {
    using T = std::remove_cvref_t<decltype(x)>;
    if constexpr (std::is_same_v<T, double>)
      return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y) ||
             (x != x && y != y);
    else
      return x == y;
  };
  if (a.size() != b.size()) return false;
  for (const auto* group : groups)
    for (const ColumnOfRing& column : *group)
      for (std::size_t i = 0; i < a.size(); ++i)
        if (!std::visit([&](auto member) { return equal(a[i].*member, b[i].*member); },
                        column.member))
          return false;
  return true;
}

}  // namespace

bool contained(const MuonRing& ring) {
  return ring.ring_containment > 0.999 && ring.muon_efficiency < 1;
}

void write_muons(const fs::path& path, const MuonTable& table, const MuonFacts& facts) {
  std::vector<fits::Card> cards;
  for (const auto& [key, value] : facts) cards.push_back({key, value, ""});
  cards.push_back({events_key, table.events, "events looked at; -1: not known"});

  std::vector<const std::vector<ColumnOfRing>*> columns{&ring_columns()};
  if (table.has_runs) columns.push_back(&run_columns());
  std::vector<fits::BinaryTable> tables{table_of("", table.rings, columns, false)};
  if (table.has_candidates) {
    columns.push_back(&candidate_columns());
    tables.push_back(table_of(candidates_name, table.candidates, columns, true));
  }
  fits::write_tables(path, cards, tables);
}

MuonTable read_muons(const fs::path& path) {
  const fits::File file = fits::File::open(path);
  MuonTable table;
  // The first table has no name, ours as theirs.
  const std::string rings;
  if (!file.has_hdu(rings) || !file.has_column(rings, "ring_radius"))
    throw Error(ErrorKind::bad_input, "is no file of muon rings: it holds no such table",
                path.string());
  table.rings.resize(file.row_count(rings));
  table.has_runs = file.has_column(rings, "obs_id");
  read_columns(file, rings, ring_columns(), table.rings);
  if (table.has_runs) read_columns(file, rings, run_columns(), table.rings);
  table.has_candidates = file.has_hdu(candidates_name);
  if (table.has_candidates) {
    table.candidates.resize(file.row_count(candidates_name));
    read_columns(file, candidates_name, ring_columns(), table.candidates);
    read_columns(file, candidates_name, candidate_columns(), table.candidates);
    if (table.has_runs) read_columns(file, candidates_name, run_columns(), table.candidates);
  }
  table.events = file.integer_key("PRIMARY", events_key).value_or(-1);
  return table;
}

bool same_muons(const MuonTable& a, const MuonTable& b) {
  return a.events == b.events && a.has_runs == b.has_runs && a.has_candidates == b.has_candidates &&
         same_rows(a.rings, b.rings, {&ring_columns(), &run_columns()}) &&
         same_rows(a.candidates, b.candidates,
                   {&ring_columns(), &run_columns(), &candidate_columns()});
}

}  // namespace alisio::pipeline
