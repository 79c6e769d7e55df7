#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "calib/drs4/correct_readout.hpp"
#include "calib/drs4/corrector.hpp"
#include "calib/drs4/kernels.hpp"
#include "calib/drs4/readout_history.hpp"
#include "lib/base/error.hpp"
#include "lib/io/hdf5/file.hpp"

namespace alisio::calib {
namespace {

using readout::n_samples;

TEST(Baseline, IsContiguousAcrossTheEndOfTheRing) {
  std::vector<std::int16_t> baseline(Drs4Pedestal::row);
  for (std::size_t c = 0; c < n_capacitors; ++c) baseline[c] = std::int16_t(c % 100);
  std::copy_n(baseline.begin(), Drs4Pedestal::padding, baseline.begin() + n_capacitors);
  std::vector<std::uint16_t> raw(n_samples, 400);
  std::vector<float> out(n_samples);
  drs4::subtract_baseline(raw.data(), &baseline[n_capacitors - 10], out.data());
  EXPECT_EQ(out[9], 400.F - float((n_capacitors - 1) % 100));
  EXPECT_EQ(out[10], 400.F);
  EXPECT_EQ(out[39], 400.F - 29.F);
}

/// The time lapse by its definition: the clock of the last readout of each capacitor of a channel.
class LastReadouts {
 public:
  void note(std::size_t pixel_in_module, std::size_t first, std::uint64_t clock) {
    for (std::size_t s = 0; s < n_samples; ++s) clock_[(first + s) % n_capacitors] = clock;
    if (pixel_in_module % 2 != 0 || first % 1024 <= 767) return;
    for (std::size_t s = 0; s < 12 && first % 1024 + s < 1024; ++s)
      clock_[(first + 1024 + s) % n_capacitors] = clock;
  }
  void subtract(std::vector<float>& samples, std::size_t first, std::uint64_t now) const {
    for (std::size_t s = 0; s < samples.size(); ++s) {
      const std::uint64_t then = clock_[(first + s) % n_capacitors];
      if (then == 0 || then >= now) continue;
      const double ms = double(now - then) / 133e3;
      if (ms >= 100) continue;
      const volatile double corrected = double(samples[s]) - (32.99 * std::pow(ms, -0.22) - 11.9);
      samples[s] = float(corrected);
    }
  }

 private:
  std::vector<std::uint64_t> clock_ = std::vector<std::uint64_t>(n_capacitors, 0);
};

/// Find the lapses of one readout.
void find_one(const drs4::ReadoutHistory& history, std::size_t chip, std::size_t first_capacitor,
              std::uint64_t clock, std::size_t newer, drs4::LapseBaselines& out) {
  const drs4::ReadoutHistory::Readout readout{chip, first_capacitor, &out};
  history.find({&readout, 1}, clock, newer);
}

/// Subtract the lapses that a history finds, as Drs4Corrector does.
void subtract_found(std::vector<float>& samples, drs4::LapseBaselines& found,
                    std::size_t pixel_in_module, int& made_exact) {
  if (found.empty()) return;
  const std::vector<float> raw = samples;
  if (drs4::subtract_lapse(samples.data(), found.of(pixel_in_module))) return;
  ++made_exact;
  samples = raw;
  found.make_exact();
  ASSERT_TRUE(drs4::subtract_lapse(samples.data(), found.of(pixel_in_module)));
}

TEST(TimeLapse, IsApproximatedWithinItsUncertaintyForEveryLapse) {
  double largest = 0, largest_dispatched = 0;
  drs4::ReadoutHistory history;
  drs4::LapseBaselines found;
  const std::array<std::uint16_t, 8> first{};
  constexpr std::uint64_t clock = 1'000'000;
  history.add(first, clock);
  for (std::uint32_t ticks = 1; ticks <= drs4::longest_lapse_ticks; ++ticks) {
    const double exact = drs4::time_lapse_baseline(double(ticks) / 133e3);
    largest = std::max(largest, std::abs(drs4::approximate_time_lapse_baseline(ticks) - exact));
    if (ticks % 5 != 1) continue;
    find_one(history, 0, 0, clock + ticks, 0, found);
    drs4::evaluate_lapses({&found, 1});
    const drs4::LapseBounds bounds = found.of(0);
    largest_dispatched = std::max(
        {largest_dispatched, std::abs(bounds.low[39] + drs4::time_lapse_uncertainty - exact),
         std::abs(bounds.high[39] - drs4::time_lapse_uncertainty - exact)});
  }
  // A fifth: std::pow is right but for the last digit, 6e-14 here, on every machine.
  EXPECT_LT(largest, drs4::time_lapse_uncertainty / 5);
  EXPECT_LT(largest_dispatched, drs4::time_lapse_uncertainty / 5);
}

TEST(TimeLapse, AsksForTheExactBaselineWhereItDecidesTheLastDigit) {
  // Half-way between two floats.
  const double between = 1 + std::ldexp(1.0, -24);
  std::vector<float> samples(n_samples, 0.F);
  std::vector<double> low(n_samples, -1.25 - 1e-12), high(n_samples, -1.25 + 1e-12);
  const drs4::LapseBounds bounds{low.data(), high.data()};
  EXPECT_TRUE(drs4::subtract_lapse(samples.data(), bounds));
  EXPECT_EQ(samples[7], 1.25F);
  samples.assign(n_samples, 0.F);
  low[39] = -between - 1e-12;
  high[39] = -between + 1e-12;
  EXPECT_FALSE(drs4::subtract_lapse(samples.data(), bounds));
  samples.assign(n_samples, 0.F);
  low[39] = high[39] = -between;
  EXPECT_TRUE(drs4::subtract_lapse(samples.data(), bounds));
  EXPECT_EQ(samples[39], 1.F);
}

TEST(LapseBaselines, AreBoundsForAnyNumberOfChips) {
  std::mt19937 random(4);
  std::size_t seen = 0, most_found = 0;
  for (int turn = 0; turn < 4000; ++turn) {
    drs4::ReadoutHistory history;
    std::uint64_t clock = 1'000'000;
    // At random places, or each later than the one before: then each read some samples last, up to
    // so many that they do not fit into two vectors.
    const bool in_steps = turn % 2 == 0;
    const std::size_t readouts = random() % (in_steps ? 60 : 15);
    for (std::size_t i = 0; i < readouts; ++i) {
      std::array<std::uint16_t, 8> first;
      for (auto& cell : first) cell = std::uint16_t(1000 + (in_steps ? i : random() % 90));
      history.add(first, clock += 1000 + random() % 100'000);
    }
    std::vector<drs4::LapseBaselines> chips(1 + random() % 9);
    for (auto& chip : chips) {
      if (random() % 5 == 0) {
        chip.clear();
        continue;
      }
      find_one(history, random() % 8, 1000 + random() % 60, random() % 9 == 0 ? 0 : clock + 500, 0,
               chip);
    }
    std::vector<drs4::LapseBaselines> scalar = chips, exact = chips;
    drs4::evaluate_lapses(chips);
    drs4::evaluate_lapses_scalar(scalar);
    for (std::size_t c = 0; c < chips.size(); ++c) {
      exact[c].make_exact();
      for (std::size_t pixel = 0; pixel < 2; ++pixel) {
        const drs4::LapseBounds is = exact[c].of(pixel);
        for (const drs4::LapseBounds bounds : {chips[c].of(pixel), scalar[c].of(pixel)}) {
          ASSERT_EQ(bounds.low == nullptr, is.low == nullptr);
          if (is.low == nullptr) continue;
          std::set<double> values;
          for (std::size_t s = 0; s < n_samples; ++s, ++seen) {
            ASSERT_LE(bounds.low[s], is.low[s]) << turn << ", chip " << c << ", sample " << s;
            ASSERT_GE(bounds.high[s], is.high[s]) << turn << ", chip " << c << ", sample " << s;
            ASSERT_LE(bounds.high[s] - bounds.low[s], 2.1 * drs4::time_lapse_uncertainty);
            values.insert(is.low[s]);
          }
          most_found = std::max(most_found, values.size());
        }
      }
    }
  }
  EXPECT_GT(seen, 1'000'000U);
  EXPECT_GT(most_found, 16U) << "more than two vectors were not tested";
}

TEST(ReadoutHistory, SaysExactlyThatACapacitorGainedNothing) {
  drs4::ReadoutHistory history;
  drs4::LapseBaselines found;
  std::array<std::uint16_t, 8> first{};
  history.add(first, 133'000);
  find_one(history, 0, 20, 266'000, 0, found);
  for (const bool scalar : {true, false}) {
    (scalar ? drs4::evaluate_lapses_scalar : drs4::evaluate_lapses)({&found, 1});
    const drs4::LapseBounds bounds = found.of(1);
    EXPECT_LT(bounds.low[19], bounds.high[19]);
    // Next to 0, where floats lie closest, any uncertainty would ask for the exact way.
    EXPECT_EQ(bounds.low[20], 0);
    EXPECT_EQ(bounds.high[20], 0);
  }
}

TEST(ReadoutHistory, GivesTheLapseOfTheLastReadoutOfEachCapacitor) {
  std::mt19937 random(1);
  drs4::ReadoutHistory history;
  drs4::LapseBaselines found;
  std::array<std::array<LastReadouts, 2>, 8> last;  // [chip][odd or even pixel]
  std::uint64_t now = 20'000'000'000;
  int corrected = 0, made_exact = 0;
  for (int event = 0; event < 6000; ++event) {
    // A silent module, a clock that stands still, one that runs back, one that runs ahead once;
    // rates at which 100 ms hold few events, and thousands.
    std::uint64_t clock = now += random() % (event < 2000 ? 40'000 : 4'000);
    if (event % 500 == 100) clock = 0;
    if (event % 500 == 101) now = clock = now - 1'000'000;
    if (event % 500 == 102) clock = now + 50'000'000'000;
    if (event % 500 > 490) clock = now - now % 100'000;
    if (event == 3000) now += 14'000'000;  // nothing younger than 100 ms
    std::array<std::uint16_t, 8> first;
    for (auto& cell : first) {
      // Late readouts are narrowed to one place, so that windows overlap and wrap around.
      cell =
          std::uint16_t(event % 1000 < 700 ? random() % n_capacitors
                                           : (n_capacitors - 60 + random() % 100) % n_capacitors);
    }
    if (event % 32 == 0) history.forget(clock);
    for (std::size_t chip = 0; chip < 8; ++chip) {
      find_one(history, chip, first[chip], clock, 0, found);
      (event % 3 == 0 ? drs4::evaluate_lapses_scalar : drs4::evaluate_lapses)({&found, 1});
      for (std::size_t pixel = 0; pixel < 2; ++pixel) {
        std::vector<float> samples(n_samples);
        for (auto& v : samples) v = float(random() % 4096) - 400.F;
        // Next to 0, where floats lie closest.
        if (event % 10 == 0 && !found.empty()) samples[7] = float(found.of(pixel).low[7]);
        std::vector<float> expected = samples;
        const std::vector<float> raw = samples;
        last[chip][pixel].subtract(expected, first[chip], clock);
        subtract_found(samples, found, pixel, made_exact);
        ASSERT_EQ(samples, expected) << "event " << event << ", chip " << chip << "." << pixel;
        corrected += samples != raw ? 1 : 0;
        last[chip][pixel].note(pixel, first[chip], clock);
      }
    }
    history.add(first, clock);
  }
  EXPECT_GT(corrected, 80'000);
  EXPECT_GT(made_exact, 0) << "the exact way was not tested";
}

/// Expect that two ways to the lapses of readouts agree.
void expect_equal(std::vector<drs4::LapseBaselines>& left, std::vector<drs4::LapseBaselines>& right,
                  const std::string& where) {
  for (auto* const chips : {&left, &right})
    for (drs4::LapseBaselines& chip : *chips) {
      drs4::evaluate_lapses({&chip, 1});
      chip.make_exact();
    }
  // No lapse at all may be said by no bounds, or by bounds of 0.
  const auto value = [](const drs4::LapseBaselines& chip, std::size_t pixel, std::size_t s) {
    return chip.empty() ? 0 : chip.of(pixel).low[s];
  };
  for (std::size_t chip = 0; chip < left.size(); ++chip)
    for (std::size_t pixel = 0; pixel < 2; ++pixel)
      for (std::size_t s = 0; s < n_samples; ++s)
        ASSERT_EQ(value(left[chip], pixel, s), value(right[chip], pixel, s))
            << where << ", readout " << chip << ", pixel " << pixel << ", sample " << s;
}

TEST(ReadoutHistory, FindsTheSameForManyReadoutsAsForEachStepByStep) {
  std::mt19937 random(6);
  int compared = 0;
  for (int round = 0; round < 40; ++round) {
    drs4::ReadoutHistory history;
    std::uint64_t now = 5'000'000;
    const unsigned usual_gap = round % 4 == 0 ? 400'000 : round % 4 == 1 ? 100'000 : 20'000;
    const bool narrow = round % 3 == 0;
    const auto random_cell = [&] {
      return std::uint16_t(narrow ? (n_capacitors - 80 + random() % 160) % n_capacitors
                                  : random() % n_capacitors);
    };
    for (int event = 0; event < 900; ++event) {
      std::uint64_t clock = now += random() % usual_gap;
      if (random() % 40 == 0) clock = 0;
      if (random() % 50 == 0) clock -= std::min<std::uint64_t>(clock, 300'000);
      if (random() % 300 == 0) now += 20'000'000;  // nothing younger than 100 ms
      if (random() % 17 == 0) history.forget(clock);
      if (event % 13 == 0) history.fetch();
      const std::size_t newer = random() % 5 == 0 ? random() % std::min(event + 1, 40) : 0;
      std::vector<drs4::LapseBaselines> together(random() % 9), alone(together.size());
      std::vector<drs4::ReadoutHistory::Readout> readouts;
      for (std::size_t k = 0; k < together.size(); ++k)
        readouts.push_back({random() % 8, random_cell(), &together[k]});
      // As of an earlier event the forgotten ones may be newer.
      if (event >= 40) {
        history.find(readouts, clock, newer);
        for (std::size_t k = 0; k < alone.size(); ++k)
          history.find_scalar({readouts[k].chip, readouts[k].first_capacitor, &alone[k]}, clock,
                              newer);
        expect_equal(together, alone, std::to_string(round) + ", event " + std::to_string(event));
        if (testing::Test::HasFatalFailure()) return;
        compared += int(alone.size());
      }
      std::array<std::uint16_t, 8> first;
      for (auto& cell : first) cell = random_cell();
      history.add(first, clock);
    }
  }
  EXPECT_GT(compared, 100'000);
}

TEST(ReadoutHistory, IsReadAsOfAnEarlierEventOfTheBlock) {
  drs4::ReadoutHistory history;
  drs4::LapseBaselines found;
  std::array<std::uint16_t, 8> first;
  first.fill(100);
  history.add(first, 133'000);
  history.add(first, 266'000);
  find_one(history, 0, 100, 399'000, 1, found);
  drs4::evaluate_lapses({&found, 1});
  EXPECT_NEAR(found.of(0).low[0], drs4::time_lapse_baseline(2), 1e-10);
  find_one(history, 0, 100, 399'000, 2, found);
  EXPECT_TRUE(found.empty());
}

TEST(ReadoutHistory, FindsOverlapsAlikeOnEveryMachine) {
  std::mt19937 random(2);
  constexpr std::size_t n = 96;
  std::array<std::uint16_t, n> begins;
  std::array<std::uint16_t, n + drs4::overlap_room> found, expected;
  std::size_t overlaps = 0;
  for (std::size_t first = 0; first < n_capacitors; ++first) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t near = first + n_capacitors - 45 + random() % 90 + (i % 4) * 1024;
      begins[i] = std::uint16_t((i < 72 ? near : random()) % n_capacitors);
    }
    const std::size_t n_expected =
        drs4::find_overlaps_scalar(begins.data(), n, first, expected.data());
    const std::size_t n_found = drs4::find_overlaps(begins.data(), n, first, found.data());
    ASSERT_EQ(std::vector(found.begin(), found.begin() + std::ptrdiff_t(n_found)),
              std::vector(expected.begin(), expected.begin() + std::ptrdiff_t(n_expected)))
        << first;
    overlaps += n_found;
  }
  EXPECT_GT(overlaps, 20'000U);
}

/// Positions as the peers search for them: every channel and both places.
std::vector<int> spikes_by_search(int first, int previous) {
  std::vector<int> out;
  const int last = (previous + 39) % 1024;
  if (last % 2 != 0 || last > 511) return out;
  for (int channel = 0; channel < 4; ++channel) {
    for (const int base : {4096 - last - 2, last}) {
      const int position = ((base + 1024 * channel - first) % 4096 + 4096) % 4096;
      if (position < 40) {
        out.push_back(position);
      } else if (position - 4096 >= -2) {
        out.push_back(position - 4096);
      }
    }
  }
  return out;
}

TEST(Spikes, AreFoundWhereASearchFindsThem) {
  std::size_t found = 0;
  for (int previous = 0; previous < 1024; ++previous) {
    for (int first = 0; first < 4096; first += 1 + previous % 3) {
      const auto spikes = drs4::find_spikes(std::size_t(first), std::size_t(previous));
      const auto expected = spikes_by_search(first, previous);
      ASSERT_EQ(std::vector<int>(spikes.position.begin(),
                                 spikes.position.begin() + std::ptrdiff_t(spikes.n)),
                expected)
          << first << " after " << previous;
      found += expected.size();
    }
  }
  EXPECT_GT(found, 1000u);
}

TEST(Spikes, AreCutAtTheEndsOfTheReadout) {
  const std::int16_t height[3] = {1, 2, 3};
  std::vector<float> samples(n_samples, 0.F);
  drs4::Spikes spikes;
  spikes.position = {-2, 39};
  spikes.n = 2;
  drs4::subtract_spikes(samples.data(), spikes, height);
  EXPECT_EQ(samples[0], -3.F);
  EXPECT_EQ(samples[1], 0.F);
  EXPECT_EQ(samples[39], -1.F);
}

TEST(NarrowBaselines, HoldWhatThePedestalHoldsWhereItFitsAByte) {
  std::mt19937 random(3);
  Drs4Pedestal pedestal;
  pedestal.n_pixels = 8;
  pedestal.baseline.resize(n_gains * pedestal.n_pixels * Drs4Pedestal::row);
  const auto row_of = [&](std::size_t pixel) {
    return &pedestal.baseline[pixel * Drs4Pedestal::row];
  };
  for (std::size_t pixel = 0; pixel < pedestal.n_pixels; ++pixel)
    for (std::size_t c = 0; c < Drs4Pedestal::row; ++c)
      row_of(pixel)[c] = std::int16_t(300 + 10 * pixel + random() % 200);
  // The widest that fits, at the ends of the range; one more; the widest of all.
  std::fill_n(row_of(1), Drs4Pedestal::row, std::int16_t{-32768});
  row_of(1)[4000] = -32768 + 255;
  std::fill_n(row_of(2), Drs4Pedestal::row, std::int16_t{32767});
  row_of(2)[17] = 32767 - 255;
  row_of(3)[5] = std::int16_t(*std::min_element(row_of(3), row_of(3) + Drs4Pedestal::row) + 256);
  row_of(4)[0] = -32768;
  row_of(4)[1] = 32767;
  const std::vector<std::uint16_t> pixels = {7, 1, 2, 3, 4, 0, 6};
  const drs4::NarrowBaselines narrow(pedestal, pixels);
  EXPECT_EQ(narrow.of_module(0).size(), 7 * Drs4Pedestal::row);
  for (std::size_t position = 0; position < pixels.size(); ++position) {
    const std::uint8_t* const row = narrow.row_of(position);
    ASSERT_EQ(row == nullptr, pixels[position] == 3 || pixels[position] == 4) << position;
    if (row == nullptr) continue;
    for (std::size_t c = 0; c < Drs4Pedestal::row; ++c)
      ASSERT_EQ(narrow.base_of(position) + row[c], row_of(pixels[position])[c]);
  }
}

TEST(CorrectReadouts, AgreesWithItsScalarTwin) {
  std::mt19937 random(7);
  constexpr std::size_t most = 7;
  std::array<std::array<std::uint16_t, n_samples>, most> raw;
  std::array<std::array<std::int16_t, n_samples>, most> baseline;
  std::array<std::array<std::uint8_t, n_samples>, most> narrow;
  std::array<std::array<double, n_samples>, most> lapse, low, high;
  std::array<std::array<float, n_samples>, most> samples, expected;
  std::array<float, n_samples> threshold;
  const std::int16_t height[3] = {30, 60, 20};
  int above = 0, below = 0, inexact = 0;
  for (int i = 0; i < 5000; ++i) {
    threshold.fill(i % 2 == 0 ? 3500.F : 500.F);
    std::vector<drs4::Readout> readouts(random() % (most + 1));
    for (std::size_t k = 0; k < readouts.size(); ++k) {
      for (auto& value : raw[k]) value = std::uint16_t(300 + random() % 400);
      raw[k][random() % n_samples] = std::uint16_t(random());
      for (auto& value : baseline[k]) value = std::int16_t(random() % 800);
      baseline[k][random() % n_samples] = std::int16_t(random());
      if (random() % 4 == 0) raw[k][5] = std::uint16_t(baseline[k][5]);
      const bool is_narrow = random() % 2 == 0;
      const auto base = std::int16_t(int(random() % (65536 - 255)) - 32768);
      for (std::size_t s = 0; s < n_samples; ++s) {
        narrow[k][s] = std::uint8_t(random());
        if (is_narrow) baseline[k][s] = std::int16_t(base + narrow[k][s]);
      }
      for (auto& value : lapse[k]) value = random() % 3 == 0 ? double(random()) / 1e8 : 0;
      // Half-way between two floats: its uncertainty decides.
      if (const std::size_t s = random() % n_samples; random() % 9 == 0)
        lapse[k][s] = double(raw[k][s]) - double(baseline[k][s]) - (1 + std::ldexp(1.0, -24));
      drs4::Spikes spikes;
      if (random() % 6 == 0) spikes.position[spikes.n++] = int(random() % 42) - 2;
      if (random() % 12 == 0) spikes.position[spikes.n++] = int(random() % 42) - 2;
      readouts[k] = {raw[k].data(),
                     is_narrow ? nullptr : baseline[k].data(),
                     is_narrow ? narrow[k].data() : nullptr,
                     base,
                     random() % 8 != 0 ? drs4::LapseBounds{low[k].data(), high[k].data()}
                                       : drs4::LapseBounds{},
                     i % 4 < 2 ? height : nullptr,
                     spikes,
                     nullptr};
    }
    const drs4::ReadoutScale scale = i % 3 == 0 ? drs4::ReadoutScale{5, 400} : drs4::ReadoutScale{};
    for (const double uncertainty : {drs4::time_lapse_uncertainty, 0.0}) {
      for (std::size_t k = 0; k < readouts.size(); ++k) {
        for (std::size_t s = 0; s < n_samples; ++s) {
          const double own = lapse[k][s] != 0 ? uncertainty : 0;
          low[k][s] = lapse[k][s] - own;
          high[k][s] = lapse[k][s] + own;
        }
        readouts[k].samples = expected[k].data();
      }
      const auto scalar = drs4::correct_readouts_scalar(readouts, scale, threshold);
      for (std::size_t k = 0; k < readouts.size(); ++k) readouts[k].samples = samples[k].data();
      const auto set = drs4::correct_readouts(readouts, scale, threshold);
      ASSERT_EQ(set.above_threshold, scalar.above_threshold) << i;
      ASSERT_EQ(set.needs_exact_lapse, scalar.needs_exact_lapse) << i;
      for (std::size_t k = 0; k < readouts.size(); ++k) {
        const bool unfinished = (set.needs_exact_lapse >> k & 1U) != 0;
        ASSERT_TRUE(!unfinished || uncertainty > 0) << i;
        inexact += unfinished ? 1 : 0;
        if (unfinished) continue;
        ASSERT_EQ(samples[k], expected[k]) << i;
        ((set.above_threshold >> k & 1U) != 0 ? above : below) += 1;
      }
    }
  }
  EXPECT_GT(above, 1000);
  EXPECT_GT(below, 1000);
  EXPECT_GT(inexact, 50);
}

/// One module of seven pixels with made-up constants, read out by hand.
struct OneModule {
  OneModule() {
    auto made = std::make_shared<Drs4Pedestal>();
    made->n_pixels = 8;  // pixel 7 is not in the file
    made->baseline.assign(n_gains * 8 * Drs4Pedestal::row, 400);
    made->spike_height.assign(n_gains * 8 * 3, 0);
    pedestal = made;
    camera.module_ids = {0};
    camera.pixel_ids = {6, 5, 4, 3, 2, 1, 0};
    camera.n_samples = n_samples;
    status.assign(7, pixel_status::high_gain_stored | pixel_status::low_gain_stored | 1);
    raw.assign(n_gains * 7 * n_samples, 400);
    chips.assign(8, 100);
  }
  RawEvent event(std::uint64_t& clock) {
    RawEvent e;
    e.type = type;
    e.n_samples = n_samples;
    e.n_stored = 7;
    e.waveform = raw;
    e.pixel_status = status;
    e.first_capacitor = chips;
    e.module_clock = {&clock, 1};
    return e;
  }
  EventType type = EventType::flatfield;  // both gains are kept
  std::shared_ptr<const Drs4Pedestal> pedestal;
  RawCamera camera;
  std::vector<std::uint8_t> status;
  std::vector<std::uint16_t> raw, chips;
};

TEST(Drs4Corrector, KeepsTimesExactOverManyHoursOfClock) {
  OneModule m;
  Drs4Corrector corrector(m.pedestal, m.camera, {});
  CorrectedBlock out;
  // Pairs of readouts 10 ms apart; pairs are 20 s apart, so that 32 bits run out every other pair.
  std::uint64_t clock = 5;
  for (int pair = 0; pair < 20; ++pair) {
    std::uint64_t first = clock, second = clock + 1'330'000;
    RawBlock block;
    block.events = {m.event(first), m.event(second)};
    corrector.prepare(block, out);
    corrector.correct(block, 0, out);
    EXPECT_EQ(*out.waveform_of(0, 0, 3), 0.F) << pair;
    EXPECT_EQ(*out.waveform_of(1, 0, 3), float(0.0 - drs4::time_lapse_baseline(10.0))) << pair;
    EXPECT_EQ(*out.waveform_of(1, 1, 6), float(0.0 - drs4::time_lapse_baseline(10.0))) << pair;
    clock += 2'660'000'000;
  }
}

TEST(Drs4Corrector, ClockThatStartsAgainGivesNoCorrection) {
  OneModule m;
  Drs4Corrector corrector(m.pedestal, m.camera, {});
  CorrectedBlock out;
  std::uint64_t late = 900'000'000'000, early = 1000, next = 1000 + 133'000;
  RawBlock block;
  block.events = {m.event(late), m.event(early), m.event(next)};
  corrector.prepare(block, out);
  corrector.correct(block, 0, out);
  EXPECT_EQ(*out.waveform_of(1, 0, 0), 0.F);
  EXPECT_EQ(*out.waveform_of(2, 0, 0), float(0.0 - drs4::time_lapse_baseline(1.0)));
}

TEST(Drs4Corrector, SetsBrokenAndAbsentPixelsToZero) {
  OneModule m;
  m.status[2] = 0;  // pixel 4
  m.raw.assign(m.raw.size(), 1000);
  Drs4Corrector corrector(m.pedestal, m.camera, {});
  CorrectedBlock out;
  std::uint64_t clock = 1;
  RawBlock block;
  block.events = {m.event(clock)};
  corrector.prepare(block, out);
  corrector.correct(block, 0, out);
  EXPECT_EQ(*out.waveform_of(0, 0, 4), 0.F);
  EXPECT_EQ(*out.waveform_of(0, 1, 7), 0.F);
  EXPECT_EQ(*out.waveform_of(0, 1, 3), 600.F);
  EXPECT_EQ(std::vector<int>(out.broken.begin(), out.broken.end()),
            (std::vector<int>{0, 0, 0, 0, 1, 0, 0, 1}));
}

TEST(Drs4Corrector, SelectsTheGainOfPhysicsEventsAndKeepsTrackOfBoth) {
  OneModule m;
  m.type = EventType::subarray;
  m.raw.assign(m.raw.size(), 1000);
  m.raw[0 * n_samples + 20] = 4000;  // high gain of pixel 6
  Drs4Corrector corrector(m.pedestal, m.camera, {});
  CorrectedBlock out;
  std::uint64_t clock = 1, later = 1 + 133'000;
  RawBlock block;
  block.events = {m.event(clock), m.event(later)};
  corrector.prepare(block, out);
  corrector.correct(block, 0, out);
  EXPECT_EQ(std::vector<int>(out.selected_gain.begin(), out.selected_gain.begin() + 8),
            (std::vector<int>{0, 0, 0, 0, 0, 0, 1, 0}));
  EXPECT_EQ(*out.waveform_of(0, 1, 6), 600.F);
  EXPECT_EQ(*out.waveform_of(0, 0, 3), 600.F);
  EXPECT_EQ(out.first_capacitor[1 * 8 + 3], 100) << "of the gain that was not chosen, too";
  // The low gain of pixel 3 was not corrected, but its readout is remembered.
  m.type = EventType::flatfield;
  std::uint64_t last = 1 + 2 * 133'000;
  block.events = {m.event(last)};
  corrector.prepare(block, out);
  corrector.correct(block, 0, out);
  EXPECT_EQ(*out.waveform_of(0, 1, 3), float(600.0 - drs4::time_lapse_baseline(1.0)));
}

TEST(Drs4Corrector, LeavesOutWhatTheEventBuilderHasDone) {
  OneModule m;
  m.camera.r1v1 = true;
  m.camera.waveform_scale = 2;
  m.camera.waveform_offset = 10;
  Drs4Corrector corrector(m.pedestal, m.camera, {});
  CorrectedBlock out;
  std::uint64_t times[4] = {1, 133'001, 266'001, 399'001};
  RawBlock block;
  for (auto& time : times) block.events.push_back(m.event(time));
  // The baseline of the constants is subtracted in any case: the update of the night.
  block.events[1].preprocessing = preprocessing::baseline_subtraction | preprocessing::time_lapse;
  block.events[2].preprocessing =
      preprocessing::time_lapse | preprocessing::spikes | preprocessing::pe_calibration;
  corrector.prepare(block, out);
  corrector.correct(block, 0, out);
  const float value = 400.F / 2 - 10;
  EXPECT_EQ(*out.waveform_of(0, 0, 3), value - 400);
  EXPECT_EQ(*out.waveform_of(1, 0, 3), value - 400);
  EXPECT_EQ(*out.waveform_of(2, 0, 3), value) << "photo-electrons stay";
  // The calibrated event is not remembered, the one before it is.
  EXPECT_EQ(*out.waveform_of(3, 0, 3), float(double(value) - 400 - drs4::time_lapse_baseline(2.0)));
}

TEST(Drs4Corrector, TakesShortWaveformsIfTheyAreCalibrated) {
  OneModule m;
  constexpr std::size_t kept = readout::n_kept_samples;
  m.raw.resize(n_gains * 7 * kept);
  for (std::size_t i = 0; i < m.raw.size(); ++i) m.raw[i] = std::uint16_t(i);
  Drs4Corrector corrector(m.pedestal, m.camera, {});
  CorrectedBlock out;
  std::uint64_t clock = 1;
  RawBlock block;
  block.events = {m.event(clock)};
  block.events[0].n_samples = kept;
  EXPECT_THROW(corrector.prepare(block, out), Error);
  block.events[0].preprocessing = preprocessing::pe_calibration;
  corrector.prepare(block, out);
  corrector.correct(block, 0, out);
  EXPECT_EQ(out.waveform_of(0, 0, 5)[0], float(kept)) << "position 1";
  EXPECT_EQ(out.waveform_of(0, 1, 6)[kept - 1], float(8 * kept - 1));
}

TEST(Drs4Corrector, RefusesAnotherCamera) {
  OneModule m;
  m.camera.pixel_ids[0] = 8;
  EXPECT_THROW(Drs4Corrector(m.pedestal, m.camera, {}), Error);
  m.camera.pixel_ids[0] = 5;
  EXPECT_THROW(Drs4Corrector(m.pedestal, m.camera, {}), Error);
  m.camera.pixel_ids.pop_back();
  EXPECT_THROW(Drs4Corrector(m.pedestal, m.camera, {}), Error);
}

/// The peers' waveforms after each step, for the first events of a sample run.
TEST(GoldenSteps, EqualThePeersBitForBit) {
  const char* set = std::getenv("ALISIO_SHARED");
  const std::filesystem::path data =
      std::filesystem::path(set != nullptr ? set : ALISIO_SOURCE_DIR "/../shared") / "data";
  const auto golden = data / "reference/waveforms/golden_r1_Run11220.h5";
  if (!std::filesystem::exists(golden)) GTEST_SKIP() << "no sample data";
  const auto file = hdf5::File::open(golden);
  std::vector<std::size_t> shape;
  (void)file.read_array("/event_00001/first_capacitor", &shape);
  const std::size_t n_pixels = shape.at(1);
  const auto pedestal =
      read_drs4_pedestal(data / "calibration/drs4_pedestal.Run11218.0000.h5", n_pixels);
  std::vector<std::size_t> module_of(n_pixels), in_module(n_pixels);
  {
    // The pixel at each position of the read-out, seven positions for each module.
    std::ifstream map(ALISIO_SOURCE_DIR "/cfg/camera/LSTCam/readout_map.ecsv");
    std::string line;
    while (std::getline(map, line)) {
      std::size_t position = 0, pixel = 0;
      if (std::sscanf(line.c_str(), "%zu %zu", &position, &pixel) != 2) continue;
      module_of[pixel] = position / 7;
      in_module[pixel] = position % 7;
    }
  }

  const std::size_t channels = n_gains * n_pixels;
  std::vector<LastReadouts> last(channels);
  std::vector<std::size_t> previous(channels, 0);
  int events = 0;
  for (const char* event : {"/event_00001/", "/event_00002/", "/event_00003/", "/event_00004/"}) {
    const std::string group = event;
    if (!file.exists(group + "raw")) break;
    ++events;
    const auto raw = file.read_array(group + "raw");
    const auto after_pedestal = file.read_array(group + "after_pedestal");
    const auto after_timelapse = file.read_array(group + "after_timelapse");
    const auto after_spikes = file.read_array(group + "after_spikes");
    const auto cells = file.read_array(group + "first_capacitor");
    const auto clocks = file.read_array(group + "local_clock");
    std::size_t different[3] = {0, 0, 0};
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t pixel = c % n_pixels, cell = std::size_t(cells[c]);
      std::uint16_t values[n_samples];
      for (std::size_t s = 0; s < n_samples; ++s) {
        values[s] = std::uint16_t(raw[c * n_samples + s]);
      }
      std::vector<float> samples(n_samples);
      const auto compare = [&](const std::vector<double>& want, std::size_t& count) {
        for (std::size_t s = 0; s < n_samples; ++s) {
          count += samples[s] != float(want[c * n_samples + s]) ? 1 : 0;
        }
      };
      const auto now = std::uint64_t(clocks[module_of[pixel]]);
      drs4::subtract_baseline(values, &pedestal.baseline[c * Drs4Pedestal::row + cell],
                              samples.data());
      compare(after_pedestal, different[0]);
      last[c].subtract(samples, cell, now);
      compare(after_timelapse, different[1]);
      drs4::subtract_spikes(samples.data(), drs4::find_spikes(cell, previous[c]),
                            &pedestal.spike_height[c * 3]);
      compare(after_spikes, different[2]);
      last[c].note(in_module[pixel], cell, now);
      previous[c] = cell;
    }
    EXPECT_EQ(different[0], 0u) << group;
    EXPECT_EQ(different[1], 0u) << group;
    EXPECT_EQ(different[2], 0u) << group;
  }
  EXPECT_EQ(events, 4);
}

}  // namespace
}  // namespace alisio::calib
