#include "calib/measure/drs4_pedestal.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "lib/base/error.hpp"
#include "test/unit/calib/measure/random_triggers.hpp"

namespace alisio::calib {
namespace {

/// Random triggers, seldom enough that no capacitor remembers its last readout, with spikes.
SmallRun spiky_run(std::size_t n_events) {
  SmallRun run;
  std::mt19937 random(7);
  std::vector<std::vector<std::size_t>> previous(n_gains,
                                                 std::vector<std::size_t>(SmallRun::n_pixels));
  for (std::size_t e = 0; e < n_events; ++e) {
    run.add_event(random, 20'000'000 * (e + 1), [](auto...) { return 0; });
    for (std::size_t g = 0; g < n_gains; ++g) {
      for (std::size_t p = 0; p < SmallRun::n_pixels; ++p) {
        const std::size_t first = run.first_capacitor[e][SmallRun::chip_of(g, p)];
        for (const int place : spike_places(first, previous[g][p]))
          for (int i = 0; i < 3; ++i)
            if (const int s = place + i; s >= 0 && s < int(SmallRun::n_samples))
              run.waveform[e][(g * SmallRun::n_pixels + p) * SmallRun::n_samples +
                              std::size_t(s)] += std::uint16_t(SmallRun::spike[i]);
        previous[g][p] = first;
      }
    }
  }
  run.finish(EventType::subarray);
  return run;
}

MeasuredDrs4Pedestal measure(const SmallRun& run, int threads, std::size_t block_events) {
  flow::ThreadPool pool(threads);
  Drs4PedestalMeter meter(run.camera, SmallRun::n_pixels, {});
  for (std::size_t first = 0; first < run.events.size(); first += block_events) {
    const RawBlock block = run.block(first, block_events);
    meter.begin(block);
    pool.parallel_for(meter.module_count(), [&](std::size_t m) { meter.add(block, m); });
  }
  return meter.finish(pool);
}

std::vector<std::byte> bytes_of(const MeasuredDrs4Pedestal& pedestal) {
  return {pedestal.row().begin(), pedestal.row().end()};
}

TEST(Drs4Pedestal, FindsTheTruth) {
  const SmallRun run = spiky_run(3000);
  MeasuredDrs4Pedestal pedestal = measure(run, 1, 64);
  EXPECT_EQ(pedestal.odd.empty_cells, 0U);
  EXPECT_EQ(pedestal.odd.missing_channels, 0U);
  EXPECT_EQ(pedestal.unknown_spikes, 0U);
  std::size_t readouts = 0;
  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t p = 0; p < SmallRun::n_pixels; ++p) {
      const std::size_t channel = g * SmallRun::n_pixels + run.camera.pixel_ids[p];
      for (std::size_t c = 0; c < n_capacitors; ++c) {
        const std::size_t at = channel * n_capacitors + c;
        ASSERT_EQ(pedestal.baseline_mean()[at], SmallRun::baseline(g, p, c)) << g << p << c;
        ASSERT_EQ(pedestal.baseline_std()[at], 0);
        readouts += pedestal.baseline_counts()[at];
      }
      // Now and then two spikes overlap and add up.
      for (std::size_t i = 0; i < 3; ++i)
        ASSERT_NEAR(pedestal.spike_height()[channel * 3 + i], SmallRun::spike[i], 1);
    }
  }
  const std::size_t samples = 3000 * n_gains * SmallRun::n_pixels * 29;
  EXPECT_LT(readouts, samples) << "samples of spikes count for the baseline";
  EXPECT_GT(readouts, samples * 9 / 10);
}

TEST(Drs4Pedestal, DoesNotDependOnThreadsOrBlocks) {
  const SmallRun run = spiky_run(500);
  const auto expected = bytes_of(measure(run, 1, 500));
  EXPECT_EQ(bytes_of(measure(run, 4, 500)), expected);
  EXPECT_EQ(bytes_of(measure(run, 2, 37)), expected);
  EXPECT_EQ(bytes_of(measure(run, 1, 1)), expected);
}

/// Running statistics of one channel as their definition says, one value at a time.
struct Welford {
  int n = 0;
  double mean = 0, squares = 0;
  void add(double value) {
    ++n;
    const double delta = value - mean;
    mean += delta / n;
    const double after = value - mean;
    squares += delta * after;
  }
};

TEST(Drs4Pedestal, EqualsTheDefinitionSampleBySample) {
  // Noise, time lapse between readouts of the same capacitors, a clock that stops and turns back.
  SmallRun run;
  std::mt19937 random(3);
  std::uint64_t ticks = 5'000'000'000;
  for (std::size_t e = 0; e < 400; ++e) {
    ticks += random() % 3'000'000;
    if (e == 200) ticks -= 4'000'000'000;
    if (e == 300) ticks += std::uint64_t{1} << 33;
    run.add_event(random, ticks, [&](auto...) { return int(random() % 40); });
    // Few first capacitors, so that windows overlap often.
    for (auto& cell : run.first_capacitor.back())
      cell = std::uint16_t((cell % 128) * 32 + cell % 2);
    if (e % 50 == 7) run.clock.back()[1] = 0;   // module 1 sends nothing
    if (e % 11 == 3) run.status.back()[5] = 0;  // a pixel is not read out
  }
  run.finish(EventType::subarray);
  MeasuredDrs4Pedestal pedestal = measure(run, 1, 48);

  for (std::size_t g = 0; g < n_gains; ++g) {
    for (std::size_t p = 0; p < SmallRun::n_pixels; ++p) {
      std::vector<Welford> base(n_capacitors);
      std::vector<std::uint64_t> last(n_capacitors);
      std::size_t previous = 0;
      for (std::size_t e = 0; e < run.events.size(); ++e) {
        const std::size_t first = run.first_capacitor[e][SmallRun::chip_of(g, p)];
        const std::uint64_t now = run.clock[e][p / readout::pixels_per_module];
        const std::vector<int> places = spike_places(first, previous);
        previous = first;
        for (int s = 0; s < int(SmallRun::n_samples); ++s) {
          const std::size_t c = (first + std::size_t(s)) % n_capacitors;
          float value =
              run.waveform[e][(g * SmallRun::n_pixels + p) * SmallRun::n_samples + std::size_t(s)];
          const double ms = double(now - last[c]) / 133e3;
          if (last[c] > 0 && now > last[c] && ms < 100) {
            const volatile double corrected = double(value) - (32.99 * std::pow(ms, -0.22) - 11.9);
            value = float(corrected);
          }
          const bool spiky = std::any_of(places.begin(), places.end(),
                                         [&](int place) { return s >= place && s < place + 3; });
          if (s >= 10 && s < 39 && !spiky && run.status[e][p] != 0 && now != 0)
            base[c].add(double(value));
        }
        for (std::size_t s = 0; s < SmallRun::n_samples; ++s)
          last[(first + s) % n_capacitors] = now;
        const std::size_t q = first % n_channel_capacitors;
        if (p % readout::pixels_per_module % 2 == 0 && q > 767) {
          const std::size_t n = q < 1013 ? 12 : n_channel_capacitors - q;
          for (std::size_t i = 0; i < n; ++i)
            last[(first + n_channel_capacitors + i) % n_capacitors] = now;
        }
      }
      const std::size_t channel = g * SmallRun::n_pixels + run.camera.pixel_ids[p];
      for (std::size_t c = 0; c < n_capacitors; ++c) {
        const std::size_t at = channel * n_capacitors + c;
        ASSERT_EQ(int(pedestal.baseline_counts()[at]), base[c].n) << g << ' ' << p << ' ' << c;
        if (base[c].n == 0) continue;
        ASSERT_EQ(pedestal.baseline_mean()[at], std::nearbyint(base[c].mean))
            << g << ' ' << p << ' ' << c;
        const double std = base[c].n > 1 ? std::sqrt(base[c].squares / (base[c].n - 1)) : 0.0;
        ASSERT_EQ(pedestal.baseline_std()[at], std::nearbyint(std)) << g << ' ' << p << ' ' << c;
      }
    }
  }
}

TEST(Drs4Pedestal, GivesAUsualValueWhereNothingWasMeasured) {
  SmallRun run;
  std::mt19937 random(1);
  for (std::size_t e = 0; e < 20; ++e) {
    run.add_event(random, 20'000'000 * (e + 1), [](auto...) { return 0; });
    run.status.back()[3] = 0;
  }
  run.finish(EventType::subarray);
  MeasuredDrs4Pedestal pedestal = measure(run, 1, 64);
  EXPECT_EQ(pedestal.odd.missing_channels, 2U);
  EXPECT_GT(pedestal.odd.empty_cells, 0U);
  const std::size_t dead = run.camera.pixel_ids[3], alive = run.camera.pixel_ids[0];
  std::size_t filled = 0;
  for (std::size_t c = 0; c < n_capacitors; ++c) {
    EXPECT_EQ(pedestal.baseline_mean()[dead * n_capacitors + c], 0);
    const std::size_t at = alive * n_capacitors + c;
    if (pedestal.baseline_counts()[at] > 0) {
      ++filled;
    } else {
      // The mean of the channel lies between its extremes.
      EXPECT_NEAR(pedestal.baseline_mean()[at], 380 + 15 + 4, 12);
    }
  }
  EXPECT_GT(filled, 0U);
  EXPECT_LT(filled, n_capacitors);
}

TEST(Drs4Pedestal, CountsOddLevels) {
  SmallRun run;
  std::mt19937 random(1);
  for (std::size_t e = 0; e < 30; ++e)
    run.add_event(random, 20'000'000 * (e + 1), [](auto...) { return 0; });
  run.finish(EventType::subarray);
  run.camera.waveform_offset = 1000;
  const MeasuredDrs4Pedestal pedestal = measure(run, 1, 64);
  EXPECT_GT(pedestal.odd.negative_cells, 0U);
  EXPECT_EQ(pedestal.odd.negative_cells, pedestal.odd.small_cells);
  EXPECT_EQ(pedestal.odd.negative_cells, pedestal.odd.large_cells);
}

TEST(Drs4Pedestal, RefusesEventsThatShowNoBaseline) {
  const auto refused = [](auto spoil) {
    SmallRun run = spiky_run(2);
    spoil(run.events[1]);
    try {
      measure(run, 1, 64);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::bad_input;
    }
    return false;
  };
  EXPECT_FALSE(refused([](RawEvent&) {}));
  EXPECT_TRUE(refused([](RawEvent& event) { event.n_gains = 1; }));
  EXPECT_TRUE(refused([](RawEvent& event) { event.n_samples = 36; }));
  EXPECT_TRUE(
      refused([](RawEvent& event) { event.preprocessing = preprocessing::pe_calibration; }));
}

}  // namespace
}  // namespace alisio::calib
