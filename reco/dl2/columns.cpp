#include "reco/dl2/dl2.hpp"

namespace alisio::dl2 {
namespace {

/// Call f(a.column, b.column) for every column of two tables of the same type.
template <typename A, typename B, typename F>
void for_each_dl1_column(A& a, B& b, F f) {
  f(a.file_row, b.file_row);
  f(a.obs_id, b.obs_id);
  f(a.event_id, b.event_id);
  f(a.parameters, b.parameters);
  f(a.alt_tel, b.alt_tel);
  f(a.az_tel, b.az_tel);
  f(a.sin_az_tel, b.sin_az_tel);
  f(a.calibration_id, b.calibration_id);
  f(a.dragon_time, b.dragon_time);
  f(a.ucts_time, b.ucts_time);
  f(a.tib_time, b.tib_time);
  f(a.ucts_jump, b.ucts_jump);
  f(a.mc_type, b.mc_type);
  f(a.tel_id, b.tel_id);
  f(a.tel_pos_x, b.tel_pos_x);
  f(a.tel_pos_y, b.tel_pos_y);
  f(a.tel_pos_z, b.tel_pos_z);
  f(a.trigger_type, b.trigger_type);
  f(a.ucts_trigger_type, b.ucts_trigger_type);
  f(a.trigger_time, b.trigger_time);
  f(a.event_type, b.event_type);
}

template <typename A, typename B, typename F>
void for_each_source_column(A& a, B& b, F f) {
  f(a.expected_src_x, b.expected_src_x);
  f(a.expected_src_y, b.expected_src_y);
  f(a.time_gradient_from_source, b.time_gradient_from_source);
  f(a.skewness_from_source, b.skewness_from_source);
  f(a.dist, b.dist);
  f(a.alpha, b.alpha);
}

constexpr auto append_column = [](auto& to, const auto& from) {
  to.insert(to.end(), from.begin(), from.end());
};

}  // namespace

void Dl1Columns::resize(std::size_t n) {
  for_each_dl1_column(*this, *this, [n](auto& column, auto&) { column.resize(n); });
}

void Dl1Columns::append(const Dl1Columns& other) {
  for_each_dl1_column(*this, other, append_column);
  for_each_source_column(source, other.source, append_column);
}

Dl1Columns Dl1Columns::select(const std::vector<std::size_t>& rows) const {
  Dl1Columns result;
  const auto pick = [&rows](auto& to, const auto& from) {
    if (from.empty()) return;
    to.reserve(rows.size());
    for (const std::size_t row : rows) to.push_back(from[row]);
  };
  for_each_dl1_column(result, *this, pick);
  for_each_source_column(result.source, source, pick);
  return result;
}

}  // namespace alisio::dl2
