#include "lib/pipeline/irf_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numbers>

#include "lib/base/version.hpp"
#include "lib/io/fits/table_writer.hpp"
#include "reco/dl3/geomagnetic.hpp"

namespace alisio::pipeline {
namespace {

using fits::Card;
using std::string;

constexpr double deg_per_rad = 180 / std::numbers::pi;

/// What every table says of what the response holds for.
std::vector<Card> common_cards(const Response& r) {
  const dl3::Simulation& s = r.simulation;
  const double delta = dl3::angle_to_field({.declination_deg = s.field_declination * deg_per_rad,
                                            .inclination_deg = s.field_inclination * deg_per_rad},
                                           90 - s.altitude * deg_per_rad, s.azimuth * deg_per_rad);
  std::vector<Card> cards{{"TELESCOP", string("CTA-N"), ""},
                          {"INSTRUME", fmt::format("LST-{}", fmt::join(r.telescopes, " ")), ""},
                          {"FOVALIGN", string("RADEC"), ""},
                          {"ZEN_PNT", r.node.zenith_deg, "deg"},
                          {"AZ_PNT", r.node.azimuth_deg, "deg"},
                          {"B_TOTAL", s.field_total, "uT"},
                          {"B_INC", s.field_inclination, "rad"},
                          {"B_DEC", s.field_declination, "rad"},
                          {"B_DELTA", delta, "deg"},
                          {"ETRUE_SCALE", r.energy_scale, "factor on the true energies"}};
  const dl3::CutOptions& options = r.cuts.options;
  if (r.cuts.gammaness)
    cards.push_back({"GH_EFF", options.gammaness_efficiency, "gamma/hadron efficiency"});
  else
    cards.push_back({"GH_CUT", options.global_gammaness, ""});
  if (!r.cuts.kind.point_like) return cards;
  if (r.cuts.kind.source_dependent) {
    // gammapy's analysis of one region asks for a radius, which a cut in alpha does not have.
    cards.push_back({"RAD_MAX", 0.1, "deg"});
    if (r.cuts.direction)
      cards.push_back({"AL_CONT", options.alpha_containment, "alpha containment, fraction"});
    else
      cards.push_back({"AL_CUT", options.global_alpha_deg, "deg"});
  } else if (r.cuts.direction) {
    cards.push_back({"TH_CONT", options.theta_containment, "theta containment, fraction"});
  } else {
    cards.push_back({"RAD_MAX", options.global_theta_deg, "deg"});
  }
  return cards;
}

/// Which part of the response a table is, in the words of the format.
struct Part {
  string name;        ///< EXTNAME
  string classes[3];  ///< HDUCLAS2 to 4
};

fits::Column axis(const string& name, const string& unit, const dl3::Edges& edges, bool upper) {
  const std::ptrdiff_t first = upper ? 1 : 0;
  std::vector<double> values(edges.begin() + first, edges.end() - 1 + first);
  const std::size_t n = values.size();
  return {.name = name + (upper ? "_HI" : "_LO"),
          .unit = unit,
          .comment = "",
          .values = std::move(values),
          .shape = {n}};
}

/// An axis of a response: the start of its columns' names, its unit and its edges.
struct Axis {
  string name, unit;
  const dl3::Edges* edges;
};

/// Make a table of one row: axes, then the array over them; the first axis runs fastest.
fits::BinaryTable response_table(const Response& response, const Part& part,
                                 const std::vector<Axis>& axes, const string& column,
                                 const string& unit, const std::vector<double>& values) {
  fits::BinaryTable table;
  table.name = part.name;
  fits::Column array{.name = column, .unit = unit, .comment = "", .values = values, .shape = {}};
  std::vector<string> names;
  for (const Axis& a : axes) {
    table.columns.push_back(axis(a.name, a.unit, *a.edges, false));
    table.columns.push_back(axis(a.name, a.unit, *a.edges, true));
    array.shape.insert(array.shape.begin(), dl3::bin_count(*a.edges));
    names.push_back(a.name + "_LO:" + a.name + "_HI");
  }
  table.columns.push_back(std::move(array));
  table.cards = {{"CREATOR", "alisio " + version_tag(), ""},
                 {"HDUDOC",
                  string("https://github.com/open-gamma-ray-astro/"
                         "gamma-astro-data-formats"),
                  ""},
                 {"HDUVERS", string("0.2"), ""},
                 {"HDUCLASS", string("GADF"), ""},
                 {"HDUCLAS1", string("RESPONSE"), ""},
                 {"HDUCLAS2", part.classes[0], ""},
                 {"HDUCLAS3", part.classes[1], ""},
                 {"HDUCLAS4", part.classes[2], ""},
                 {fmt::format("CREF{}", table.columns.size()),
                  fmt::format("({})", fmt::join(names, ",")), ""}};
  const std::vector<Card> common = common_cards(response);
  table.cards.insert(table.cards.end(), common.begin(), common.end());
  return table;
}

/// A cut by energy as lstchain's tools read it: one row a bin.
fits::BinaryTable cut_table(const Response& response, const string& name, const string& unit,
                            const dl3::BinnedCut& cut) {
  std::vector<double> low(cut.energy.begin(), cut.energy.end() - 1);
  std::vector<double> high(cut.energy.begin() + 1, cut.energy.end());
  std::vector<double> center;
  for (std::size_t i = 0; i < low.size(); ++i) center.push_back(0.5 * (low[i] + high[i]));
  fits::BinaryTable table;
  table.name = name;
  table.cards = {{"CREATOR", "alisio " + version_tag(), ""}};
  const std::vector<Card> common = common_cards(response);
  table.cards.insert(table.cards.end(), common.begin(), common.end());
  table.columns = {{.name = "low", .unit = "TeV", .comment = "", .values = std::move(low)},
                   {.name = "high", .unit = "TeV", .comment = "", .values = std::move(high)},
                   {.name = "center", .unit = "TeV", .comment = "", .values = std::move(center)},
                   {.name = "n_events", .unit = "", .comment = "", .values = cut.n_events},
                   {.name = "cut", .unit = unit, .comment = "", .values = cut.cut}};
  return table;
}

}  // namespace

void write_response(const std::filesystem::path& path, bool packed, const Response& r,
                    const std::vector<std::pair<string, string>>& attributes) {
  std::vector<Card> primary;
  for (const auto& [key, value] : attributes) primary.push_back({key, value, ""});
  const dl3::ResponseKind& kind = r.cuts.kind;
  const string enclosure = kind.point_like ? "POINT-LIKE" : "FULL-ENCLOSURE";
  const Axis energy{"ENERG", "TeV", &r.bins.true_energy}, offset{"THETA", "deg", &r.bins.offset};
  const Axis migration{"MIGRA", "", &r.bins.migration}, rad{"RAD", "deg", &r.bins.source_offset};

  std::vector<fits::BinaryTable> tables;
  tables.push_back(
      response_table(r, {.name = "EFFECTIVE AREA", .classes = {"EFF_AREA", enclosure, "AEFF_2D"}},
                     {energy, offset}, "EFFAREA", "m2", r.area));
  tables.push_back(
      response_table(r, {.name = "ENERGY DISPERSION", .classes = {"EDISP", enclosure, "EDISP_2D"}},
                     {energy, migration, offset}, "MATRIX", "", r.dispersion));
  if (!r.background.empty())
    tables.push_back(response_table(
        r, {.name = "BACKGROUND", .classes = {"BKG", "FULL-ENCLOSURE", "BKG_2D"}},
        {{"ENERG", "TeV", &r.background_energy}, {"THETA", "deg", &r.background_offset}}, "BKG",
        "MeV-1 s-1 sr-1", r.background));
  if (!kind.point_like)
    tables.push_back(
        response_table(r, {.name = "PSF", .classes = {"PSF", "FULL-ENCLOSURE", "PSF_TABLE"}},
                       {energy, offset, rad}, "RPSF", "sr-1", r.point_spread));
  if (r.cuts.gammaness) tables.push_back(cut_table(r, "GH_CUTS", "", *r.cuts.gammaness));
  if (r.cuts.direction && kind.source_dependent)
    tables.push_back(cut_table(r, "AL_CUTS", "deg", *r.cuts.direction));
  if (r.cuts.direction && !kind.source_dependent) {
    // One radius for all offsets.
    const dl3::Edges whole{r.bins.offset.front(), r.bins.offset.back()};
    tables.push_back(
        response_table(r, {.name = "RAD_MAX", .classes = {"RAD_MAX", "POINT-LIKE", "RAD_MAX_2D"}},
                       {{"ENERG", "TeV", &r.reco_energy}, {"THETA", "deg", &whole}}, "RAD_MAX",
                       "deg", r.cuts.direction->cut));
  }
  fits::write_tables(path, primary, tables, packed ? fits::Packing::gzip : fits::Packing::none);
}

}  // namespace alisio::pipeline
