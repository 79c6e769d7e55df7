#include "lib/pipeline/response_file.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

#include "lib/base/error.hpp"
#include "lib/config/response_files.hpp"
#include "reco/dl3/interpolation.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
using fits::BinaryTable;
namespace {

constexpr const char* area_name = "EFFECTIVE AREA";
constexpr const char* remedy = "give files of alisio irf or lstchain_create_irf_files";

/// Cards that must be alike in responses between which is interpolated.
constexpr const char* common_cards[] = {"HDUCLAS3", "INSTRUME", "GH_CUT", "GH_EFF",
                                        "RAD_MAX",  "TH_CONT",  "AL_CUT", "AL_CONT"};

const BinaryTable* find_table(const std::vector<BinaryTable>& tables, const char* name) {
  const auto found = std::ranges::find_if(
      tables, [&](const BinaryTable& table) { return strcasecmp(table.name.c_str(), name) == 0; });
  return found == tables.end() ? nullptr : &*found;
}

const BinaryTable& area_of(const std::vector<BinaryTable>& tables, const fs::path& file) {
  if (const BinaryTable* table = find_table(tables, area_name)) return *table;
  throw Error(ErrorKind::bad_input,
              fmt::format("is no instrument response: it has no table '{}'", area_name),
              file.string(), remedy);
}

void expect_alike(const ResponseNode& a, const ResponseNode& b) {
  const BinaryTable &of_a = area_of(a.headers, a.file), &of_b = area_of(b.headers, b.file);
  for (const char* key : common_cards) {
    const fits::Card *card_a = fits::find_card(of_a, key), *card_b = fits::find_card(of_b, key);
    const bool alike =
        card_a == nullptr ? card_b == nullptr : card_b != nullptr && card_a->value == card_b->value;
    if (!alike)
      throw Error(ErrorKind::bad_input, fmt::format("differs in {} from {}", key, a.file.string()),
                  b.file.string(),
                  "give responses that were made with the same cuts, of one telescope");
  }
}

/// The column of a table that is interpolated, and how.
struct Interpolated {
  enum class Rule { area, density, linear };
  const char* table;
  const char* column;
  Rule rule;
  const char* low = "";  ///< columns of the edges of the density's axis
  const char* high = "";
};
using Rule = Interpolated::Rule;
constexpr Interpolated interpolated[] = {
    {area_name, "EFFAREA", Rule::area},
    {"ENERGY DISPERSION", "MATRIX", Rule::density, "MIGRA_LO", "MIGRA_HI"},
    {"PSF", "RPSF", Rule::density, "RAD_LO", "RAD_HI"},
    {"BACKGROUND", "BKG", Rule::linear},
    {"RAD_MAX", "RAD_MAX", Rule::linear},
    {"GH_CUTS", "cut", Rule::linear},
    {"AL_CUTS", "cut", Rule::linear}};

std::vector<double> numbers_of(const fits::Column& column, const fs::path& where) {
  if (const auto* doubles = std::get_if<std::vector<double>>(&column.values)) return *doubles;
  if (const auto* floats = std::get_if<std::vector<float>>(&column.values))
    return {floats->begin(), floats->end()};
  throw Error(ErrorKind::bad_input, fmt::format("column '{}' holds no numbers", column.name),
              where.string(), remedy);
}

void put_numbers(fits::Column& column, const std::vector<double>& numbers) {
  if (std::holds_alternative<std::vector<float>>(column.values))
    column.values = std::vector<float>(numbers.begin(), numbers.end());
  else
    column.values = numbers;
}

/// Interpolate the distributions of a cell [offset][bin][energy], or [bin][offset][energy] of the
/// point spread function, one after the other.
std::vector<double> interpolate_densities(const dl3::NodeValues& nodes, const dl3::Bins& bins,
                                          std::size_t stride) {
  const std::size_t n_bins = bins.widths.size();
  std::vector<double> out(nodes.values.front().size());
  dl3::NodeValues one{std::vector(nodes.values.size(), std::vector<double>(n_bins)), nodes.weights};
  const std::size_t block = n_bins * stride;
  for (std::size_t start = 0; start < out.size(); start += block)
    for (std::size_t lane = 0; lane < stride; ++lane) {
      for (std::size_t node = 0; node < nodes.values.size(); ++node)
        for (std::size_t bin = 0; bin < n_bins; ++bin)
          one.values[node][bin] = nodes.values[node][start + lane + bin * stride];
      const std::vector<double> density = dl3::interpolate_density(one, bins);
      for (std::size_t bin = 0; bin < n_bins; ++bin)
        out[start + lane + bin * stride] = density[bin];
    }
  return out;
}

/// The bins of a density's axis, and how far apart its neighbours lie in a cell.
std::pair<dl3::Bins, std::size_t> density_axis(const BinaryTable& table, const Interpolated& how,
                                               const fs::path& where) {
  std::vector<double> edges = numbers_of(fits::column_of(table, how.low, where), where);
  edges.push_back(numbers_of(fits::column_of(table, how.high, where), where).back());
  const bool cone = table.name == "PSF";
  const std::vector<std::size_t>& shape = fits::column_of(table, how.column, where).shape;
  const std::size_t axis = cone ? 0 : 1;
  if (shape.size() != 3 || shape[axis] + 1 != edges.size())
    throw Error(ErrorKind::bad_input, fmt::format("table '{}' does not fit its axes", table.name),
                where.string(), remedy);
  std::size_t stride = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) stride *= shape[i];
  return {cone ? dl3::cone_bins(edges) : dl3::migration_bins(edges), stride};
}

bool is_axis(const fits::Column& column) {
  return column.name.ends_with("_LO") || column.name.ends_with("_HI") || column.name == "low" ||
         column.name == "high";
}

/// Make edges of a single bin an array of one, as GADF has them; some writers leave a scalar.
void shape_axes(BinaryTable& table) {
  for (fits::Column& column : table.columns) {
    const auto* numbers = std::get_if<std::vector<double>>(&column.values);
    if (is_axis(column) && column.shape.empty() && numbers != nullptr && numbers->size() == 1)
      column.shape = {1};
  }
}

/// The column of a table at each of the nodes. @throws Error(bad_input) if the tables differ.
dl3::NodeValues values_at(const std::vector<std::vector<BinaryTable>>& responses,
                          const std::vector<fs::path>& files, const std::vector<double>& weights,
                          const Interpolated& how) {
  dl3::NodeValues out{{}, weights};
  const BinaryTable& first = *find_table(responses.front(), how.table);
  for (std::size_t node = 0; node < responses.size(); ++node) {
    const BinaryTable* table = find_table(responses[node], how.table);
    bool alike = table != nullptr && table->columns.size() == first.columns.size();
    for (std::size_t c = 0; alike && c < first.columns.size(); ++c) {
      const fits::Column &a = first.columns[c], &b = table->columns[c];
      alike = a.name == b.name && a.shape == b.shape &&
              (!is_axis(a) || numbers_of(a, files[0]) == numbers_of(b, files[node]));
    }
    if (!alike)
      throw Error(ErrorKind::bad_input,
                  fmt::format("table '{}' has not the axes of that in {}", how.table,
                              files.front().string()),
                  files[node].string(), "make all responses of a set with the same bins");
    out.values.push_back(numbers_of(fits::column_of(*table, how.column, files[node]), files[node]));
    if (out.values.back().size() != out.values.front().size())
      throw Error(ErrorKind::bad_input, fmt::format("table '{}' has another size", how.table),
                  files[node].string(), "make all responses of a set with the same bins");
  }
  return out;
}

void interpolate_table(BinaryTable& table, const std::vector<std::vector<BinaryTable>>& responses,
                       const std::vector<fs::path>& files, const std::vector<double>& weights) {
  for (const Interpolated& how : interpolated) {
    if (strcasecmp(how.table, table.name.c_str()) != 0) continue;
    const dl3::NodeValues nodes = values_at(responses, files, weights, how);
    std::vector<double> numbers;
    if (how.rule == Rule::area) numbers = dl3::interpolate_areas(nodes);
    if (how.rule == Rule::linear) numbers = dl3::interpolate_linearly(nodes);
    if (how.rule == Rule::density) {
      const auto [bins, stride] = density_axis(table, how, files.front());
      numbers = interpolate_densities(nodes, bins, stride);
    }
    for (fits::Column& column : table.columns)
      if (column.name == how.column) put_numbers(column, numbers);
    return;
  }
}

/// @throws Error(bad_input) if a response is for the other analysis than is wanted.
void expect_analysis(const BinaryTable& area, bool source_dependent, const fs::path& file) {
  const bool cuts_alpha =
      fits::find_card(area, "AL_CUT") != nullptr || fits::find_card(area, "AL_CONT") != nullptr;
  if (cuts_alpha == source_dependent) return;
  if (cuts_alpha)
    throw Error(ErrorKind::bad_input,
                "is for source-dependent DL2: it was made with a cut in alpha", file.string(),
                "give a response that was made without --source-dep");
  throw Error(ErrorKind::bad_input,
              "has no cut in alpha, which the DL2, source-dependent, is to be cut with",
              file.string(), "give a response that was made with alisio irf --source-dep");
}

/// Return a cut that a response was made with.
/// @param card,name  of its header if there is one value, else of a table
dl3::EventCut cut_of(const std::vector<BinaryTable>& response, const char* quantity,
                     const char* card, const char* name, const fs::path& where) {
  dl3::EventCut cut;
  const BinaryTable& area = area_of(response, where);
  if (fits::find_card(area, card) != nullptr) {
    cut.global = fits::number_of_card(area, card, where);
    return cut;
  }
  const BinaryTable* table = find_table(response, name);
  if (table == nullptr)
    throw Error(
        ErrorKind::bad_input,
        fmt::format("tells no cut in {}: neither a card {} nor a table {}", quantity, card, name),
        where.string(), remedy);
  cut.by_energy.energy = numbers_of(fits::column_of(*table, "low", where), where);
  cut.by_energy.cut = numbers_of(fits::column_of(*table, "cut", where), where);
  const std::vector<double> ends = numbers_of(fits::column_of(*table, "high", where), where);
  if (cut.by_energy.cut.empty() || ends.empty())
    throw Error(ErrorKind::bad_input, fmt::format("table '{}' has no rows", name), where.string(),
                remedy);
  cut.by_energy.energy.push_back(ends.back());
  return cut;
}

void set_card(BinaryTable& table, const fits::Card& card) {
  for (fits::Card& old : table.cards)
    if (old.key == card.key) {
      old = card;
      return;
    }
  table.cards.push_back(card);
}

}  // namespace

std::vector<fs::path> response_files(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  for (const fs::path& path : paths) {
    if (!fs::exists(path))
      throw Error(ErrorKind::missing_input, "does not exist", path.string(), remedy);
    const std::vector<fs::path> held = config::response_files(path);
    if (held.empty())
      throw Error(ErrorKind::missing_input, "holds no instrument response, *irf*.fits[.gz]",
                  path.string(), remedy);
    files.insert(files.end(), held.begin(), held.end());
  }
  return files;
}

std::vector<ResponseNode> read_response_nodes(const std::vector<fs::path>& files,
                                              bool source_dependent) {
  std::vector<ResponseNode> nodes;
  for (const fs::path& file : files) {
    ResponseNode node{file, {}, fits::read_table_headers(file)};
    const BinaryTable& area = area_of(node.headers, file);
    node.pointing = {fits::number_of_card(area, "ZEN_PNT", file),
                     fits::number_of_card(area, "AZ_PNT", file),
                     fits::number_of_card(area, "B_DELTA", file)};
    expect_analysis(area, source_dependent, file);
    nodes.push_back(std::move(node));
    expect_alike(nodes.front(), nodes.back());
  }
  return nodes;
}

std::vector<BinaryTable> read_response(const std::vector<ResponseNode>& nodes,
                                       const dl3::NodeChoice& choice, const dl3::Pointing& target) {
  std::vector<std::vector<BinaryTable>> responses;
  std::vector<fs::path> files;
  for (const std::size_t node : choice.nodes) {
    files.push_back(nodes[node].file);
    responses.push_back(fits::read_tables(files.back()));
    for (BinaryTable& table : responses.back()) shape_axes(table);
  }
  std::vector<BinaryTable> out = responses.front();
  if (responses.size() == 1) return out;
  for (BinaryTable& table : out) {
    interpolate_table(table, responses, files, choice.weights);
    set_card(table, {"ZEN_PNT", target.zenith_deg, "deg"});
    set_card(table, {"AZ_PNT", target.azimuth_deg, "deg"});
    set_card(table, {"B_DELTA", target.field_angle_deg, "deg"});
  }
  return out;
}

dl3::EventCut gammaness_cut_of(const std::vector<BinaryTable>& response, const fs::path& where) {
  return cut_of(response, "gammaness", "GH_CUT", "GH_CUTS", where);
}

dl3::EventCut alpha_cut_of(const std::vector<BinaryTable>& response, const fs::path& where) {
  return cut_of(response, "alpha", "AL_CUT", "AL_CUTS", where);
}

}  // namespace alisio::pipeline
