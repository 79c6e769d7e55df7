#include "reco/dl2/dl2.hpp"

namespace alisio::dl2 {
namespace {

/// Call f(a.column, b.column) for every column of two tables of the same type.
template <typename A, typename B, typename F>
void for_each_dl1_column(A& a, B& b, F f) {
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

void Dl2Columns::Counts::add(const Counts& other) noexcept {
  input += other.input;
  outside_filters += other.outside_filters;
  non_finite_features += other.non_finite_features;
  non_finite_results += other.non_finite_results;
  imputed_pointings += other.imputed_pointings;
  output += other.output;
}

void Dl2Columns::append(const Dl2Columns& other) {
  dl1.append(other.dl1);
  append_column(delta_t, other.delta_t);
  append_column(alt0, other.alt0);
  append_column(alt1, other.alt1);
  append_column(w0, other.w0);
  append_column(w1, other.w1);
  append_column(log_reco_energy, other.log_reco_energy);
  append_column(reco_energy, other.reco_energy);
  append_column(reco_disp_norm, other.reco_disp_norm);
  append_column(reco_disp_sign, other.reco_disp_sign);
  append_column(reco_disp_sign_proba, other.reco_disp_sign_proba);
  append_column(reco_disp_dx, other.reco_disp_dx);
  append_column(reco_disp_dy, other.reco_disp_dy);
  append_column(reco_src_x, other.reco_src_x);
  append_column(reco_src_y, other.reco_src_y);
  append_column(signed_time_gradient, other.signed_time_gradient);
  append_column(signed_skewness, other.signed_skewness);
  append_column(reco_alt, other.reco_alt);
  append_column(reco_az, other.reco_az);
  append_column(reco_disp_sign_correctness, other.reco_disp_sign_correctness);
  append_column(reco_disp_norm_diff, other.reco_disp_norm_diff);
  append_column(gammaness, other.gammaness);
  append_column(reco_type, other.reco_type);
  counts.add(other.counts);
}

}  // namespace alisio::dl2
