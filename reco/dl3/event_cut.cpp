#include "reco/dl3/event_cut.hpp"

namespace alisio::dl3 {
namespace {

std::vector<std::size_t> rows_that(const auto& keeps, const std::vector<double>& values,
                                   const std::vector<double>& energies_tev) {
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < values.size(); ++row)
    if (keeps(energies_tev[row], values[row])) rows.push_back(row);
  return rows;
}

}  // namespace

std::vector<std::size_t> rows_above(const EventCut& cut, const std::vector<double>& values,
                                    const std::vector<double>& energies_tev) {
  return rows_that([&](double energy, double value) { return cut.keeps_above(energy, value); },
                   values, energies_tev);
}

std::vector<std::size_t> rows_below(const EventCut& cut, const std::vector<double>& values,
                                    const std::vector<double>& energies_tev) {
  return rows_that([&](double energy, double value) { return cut.keeps_below(energy, value); },
                   values, energies_tev);
}

}  // namespace alisio::dl3
