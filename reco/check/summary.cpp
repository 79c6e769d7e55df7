#include "reco/check/summary.hpp"

#include <algorithm>
#include <cmath>

#include "lib/base/median.hpp"

namespace alisio::check {
namespace {

/// A weighted mean under way that passes over what is not known.
class WeightedMean {
 public:
  void add(double value, double weight) {
    if (std::isnan(value) || !(weight > 0)) return;
    sum_ += value * weight;
    weights_ += weight;
  }
  [[nodiscard]] double value() const { return weights_ > 0 ? sum_ / weights_ : SubrunSummary::nan; }

 private:
  double sum_ = 0, weights_ = 0;
};

/// Return the mean over the pixels that have a value.
double camera_mean(const std::vector<double>& pixels) {
  WeightedMean mean;
  for (const double value : pixels) mean.add(value, 1);
  return mean.value();
}

double pulse_fraction(const ClassCheck& check, std::size_t threshold) {
  const auto& pulses = check.pulses_above[threshold];
  if (pulses.empty() || check.num_events == 0) return SubrunSummary::nan;
  double sum = 0;
  for (const std::int64_t n : pulses) sum += double(n);
  return sum / double(pulses.size()) / double(check.num_events);
}

double fraction_of(const std::vector<std::uint8_t>& flags) {
  if (flags.empty()) return SubrunSummary::nan;
  return double(flags.size() - std::size_t(std::ranges::count(flags, 0))) / double(flags.size());
}

/// Add counts of which -1 is not known.
void add_known(std::int64_t& to, std::int64_t more) {
  if (more < 0) return;
  to = std::max<std::int64_t>(to, 0) + more;
}

}  // namespace

std::vector<std::uint8_t> unusable_pixels(const ClassCheck* pedestals, const ClassCheck* flatfield,
                                          const ClassCheck* cosmics,
                                          std::span<const std::uint8_t> calibration) {
  std::vector<std::uint8_t> unusable(calibration.begin(), calibration.end());
  Moments all;
  for (const ClassCheck* check : {pedestals, flatfield, cosmics})
    if (check != nullptr) all += check->charge;
  if (all.count.empty()) return unusable;
  unusable.resize(all.count.size(), 0);
  constexpr double no_spread = 1e-4;  // p.e.
  for (std::size_t i = 0; i < unusable.size(); ++i)
    if (!(all.stddev(i) > no_spread)) unusable[i] = 1;
  if (flatfield == nullptr) return unusable;
  const std::vector<double> charges = flatfield->charge.means();
  std::vector<double> usable;
  for (std::size_t i = 0; i < charges.size(); ++i)
    if (unusable[i] == 0 && !std::isnan(charges[i])) usable.push_back(charges[i]);
  const double usual = upper_median(std::move(usable));
  // A camera that sees no light has a gate of its own.
  if (!(usual > 0)) return unusable;
  for (std::size_t i = 0; i < charges.size(); ++i)
    if (charges[i] < usual_flatfield_charge.low * usual ||
        charges[i] > usual_flatfield_charge.high * usual)
      unusable[i] = 1;
  return unusable;
}

void fill_from_classes(SubrunSummary& s, const ClassCheck* pedestals, const ClassCheck* flatfield,
                       const ClassCheck* cosmics, std::span<const std::uint8_t> calibration) {
  s.unusable_pixels = fraction_of(unusable_pixels(pedestals, flatfield, cosmics, calibration));
  if (pedestals != nullptr) {
    s.pedestal_charge = camera_mean(pedestals->charge.means());
    s.pedestal_spread = camera_mean(pedestals->charge.stddevs());
    s.pedestal_pulses_above_10 = pulse_fraction(*pedestals, 0);
    s.pedestal_pulses_above_30 = pulse_fraction(*pedestals, 1);
  }
  if (flatfield != nullptr) {
    s.flatfield_charge = camera_mean(flatfield->charge.means());
    s.flatfield_spread = camera_mean(flatfield->charge.stddevs());
    s.flatfield_time = camera_mean(flatfield->time.means());
    s.flatfield_time_spread = camera_mean(flatfield->relative_time.stddevs());
  }
  if (cosmics != nullptr) {
    s.cosmics_pulses_above_10 = pulse_fraction(*cosmics, 0);
    s.cosmics_pulses_above_30 = pulse_fraction(*cosmics, 1);
  }
}

SubrunSummary total_of(std::span<const SubrunSummary> subruns) {
  SubrunSummary total;
  if (subruns.empty()) return total;
  total.run = subruns.front().run;
  total.subrun = subruns.front().subrun;
  const SubrunSummary& middle = subruns[subruns.size() / 2];
  total.alt_tel = middle.alt_tel;
  total.az_tel = middle.az_tel;
  total.ra_tel = middle.ra_tel;
  total.dec_tel = middle.dec_tel;
  for (const SubrunSummary& s : subruns) {
    if (!(total.time_start <= s.time_start)) total.time_start = s.time_start;
    if (!(total.time_end >= s.time_end)) total.time_end = s.time_end;
    if (!std::isnan(s.elapsed_time))
      total.elapsed_time =
          (std::isnan(total.elapsed_time) ? 0.0 : total.elapsed_time) + s.elapsed_time;
    total.num_events += s.num_events;
    for (std::size_t c = 0; c < n_classes; ++c) {
      total.num_class_events[c] += s.num_class_events[c];
      total.num_cleaned_events[c] += s.num_cleaned_events[c];
    }
    add_known(total.num_ucts_jumps, s.num_ucts_jumps);
    add_known(total.num_mistagged, s.num_mistagged);
    add_known(total.num_unknown, s.num_unknown);
    add_known(total.num_muon_rings, s.num_muon_rings);
    add_known(total.num_contained_rings, s.num_contained_rings);
  }
  const auto mean = [&](double SubrunSummary::*member, auto weight) {
    WeightedMean of;
    for (const SubrunSummary& s : subruns) of.add(s.*member, double(weight(s)));
    total.*member = of.value();
  };
  const auto events_of = [](EventClass c) {
    return [c](const SubrunSummary& s) { return s.num_class_events[std::size_t(c)]; };
  };
  using S = SubrunSummary;
  mean(&S::unusable_pixels, [](const S& s) { return s.num_events; });
  for (auto member : {&S::pedestal_charge, &S::pedestal_spread, &S::pedestal_pulses_above_10,
                      &S::pedestal_pulses_above_30})
    mean(member, events_of(EventClass::pedestals));
  for (auto member :
       {&S::flatfield_charge, &S::flatfield_spread, &S::flatfield_time, &S::flatfield_time_spread})
    mean(member, events_of(EventClass::flatfield));
  for (auto member : {&S::cosmics_pulses_above_10, &S::cosmics_pulses_above_30})
    mean(member, events_of(EventClass::cosmics));
  mean(&S::muon_efficiency, [](const S& s) {
    return s.num_contained_rings >= 0 ? s.num_contained_rings : s.num_muon_rings;
  });
  return total;
}

}  // namespace alisio::check
