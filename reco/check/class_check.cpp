#include "reco/check/class_check.hpp"

#include <algorithm>
#include <cmath>

namespace alisio::check {
namespace {

template <typename T>
void add(std::vector<T>& to, const std::vector<T>& from) {
  if (to.size() < from.size()) to.resize(from.size(), T{});
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

/// Spread n_samples over the samples of several subruns, in their order.
template <typename T>
std::vector<T> thin_out(const std::vector<T>& all) {
  std::vector<T> kept(n_samples);
  for (std::size_t i = 0; i < n_samples; ++i) kept[i] = all[i * all.size() / n_samples];
  return kept;
}

void add_samples(ClassCheck& to, const ClassCheck& from) {
  const auto append = [](auto& all, const auto& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  append(to.sampled_event_ids, from.sampled_event_ids);
  append(to.ucts_time, from.ucts_time);
  append(to.tib_time, from.tib_time);
  append(to.dragon_time, from.dragon_time);
}

void thin_out_samples(ClassCheck& check) {
  if (check.sampled_event_ids.size() <= n_samples) return;
  check.sampled_event_ids = thin_out(check.sampled_event_ids);
  check.ucts_time = thin_out(check.ucts_time);
  check.tib_time = thin_out(check.tib_time);
  check.dragon_time = thin_out(check.dragon_time);
}

/// Add all that can be added exactly: everything but samples and pointing.
void add_counts(ClassCheck& to, const ClassCheck& from) {
  to.n_subruns += from.n_subruns;
  to.elapsed_time += from.elapsed_time;
  to.num_events += from.num_events;
  to.num_cleaned_events += from.num_cleaned_events;
  for (const auto& [bits, events] : from.trigger_types) to.trigger_types[bits] += events;
  for (const auto& [bits, events] : from.ucts_trigger_types) to.ucts_trigger_types[bits] += events;
  if (to.num_ucts_jumps < 0 || from.num_ucts_jumps < 0)
    to.num_ucts_jumps = std::max(to.num_ucts_jumps, from.num_ucts_jumps);
  else
    to.num_ucts_jumps += from.num_ucts_jumps;
  to.histograms += from.histograms;
  add(to.cog_within_pixel, from.cog_within_pixel);
  add(to.cog_within_pixel_intensity_gt_200, from.cog_within_pixel_intensity_gt_200);
  to.num_nearby_stars.resize(std::max(to.num_nearby_stars.size(), from.num_nearby_stars.size()));
  for (std::size_t i = 0; i < from.num_nearby_stars.size(); ++i)
    to.num_nearby_stars[i] = std::max(to.num_nearby_stars[i], from.num_nearby_stars[i]);
  for (std::size_t i = 0; i < pulse_thresholds.size(); ++i)
    add(to.pulses_above[i], from.pulses_above[i]);
  to.charge += from.charge;
  to.time += from.time;
  to.relative_time += from.relative_time;
  to.time_above_030_pe += from.time_above_030_pe;
  to.exact = to.exact && from.exact;
}

}  // namespace

std::string_view class_name(EventClass c) {
  constexpr std::array<std::string_view, n_classes> names{"pedestals", "flatfield", "cosmics"};
  return names[std::size_t(c)];
}

void Moments::resize(std::size_t n_pixels) {
  count.assign(n_pixels, 0);
  sum.assign(n_pixels, 0.0);
  sum2.assign(n_pixels, 0.0);
}

Moments& Moments::operator+=(const Moments& other) {
  add(count, other.count);
  add(sum, other.sum);
  add(sum2, other.sum2);
  return *this;
}

double Moments::mean(std::size_t pixel) const {
  return count[pixel] > 0 ? sum[pixel] / double(count[pixel]) : ClassCheck::nan;
}

double Moments::stddev(std::size_t pixel) const {
  if (count[pixel] == 0) return ClassCheck::nan;
  const double n = double(count[pixel]), average = sum[pixel] / n;
  const double variance = sum2[pixel] / n - average * average;
  // Rounding leaves a constant value with a variance of either sign; NaN must stay NaN.
  return variance < 0 ? 0.0 : std::sqrt(variance);
}

std::vector<double> Moments::means() const {
  std::vector<double> all(count.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = mean(i);
  return all;
}

std::vector<double> Moments::stddevs() const {
  std::vector<double> all(count.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = stddev(i);
  return all;
}

void ClassCheck::resize(std::size_t n_pixels) {
  cog_within_pixel.assign(n_pixels, 0);
  cog_within_pixel_intensity_gt_200.assign(n_pixels, 0);
  num_nearby_stars.assign(n_pixels, 0);
  for (auto& pulses : pulses_above) pulses.assign(n_pixels, 0);
  for (Moments* moments : {&charge, &time, &relative_time, &time_above_030_pe})
    moments->resize(n_pixels);
}

double ClassCheck::rate() const {
  return elapsed_time > 0 ? double(num_events) / elapsed_time : nan;
}

void ClassSum::add(const ClassCheck& row) {
  if (empty()) {
    total_ = row;
  } else {
    add_counts(total_, row);
    add_samples(total_, row);
  }
  pointings_.push_back({row.alt_tel, row.az_tel, row.ra_tel, row.dec_tel});
}

ClassCheck ClassSum::finish() const {
  ClassCheck total = total_;
  if (empty()) return total;
  thin_out_samples(total);
  const Pointing& middle = pointings_[pointings_.size() / 2];
  total.alt_tel = middle.alt;
  total.az_tel = middle.az;
  total.ra_tel = middle.ra;
  total.dec_tel = middle.dec;
  return total;
}

ClassCheck sum_of(std::span<const ClassCheck> rows) {
  ClassSum sum;
  for (const ClassCheck& row : rows) sum.add(row);
  return sum.finish();
}

}  // namespace alisio::check
