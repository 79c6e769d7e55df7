#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "lib/io/zfits/writer.hpp"
#include "lib/io/zfits/zfits.hpp"

namespace alisio::zfits {
namespace {

constexpr std::size_t events_per_tile = 20;
constexpr std::size_t words_per_event = 2 * 1855 * 40;

/// One tile of waveforms of both gains: baseline, noise and pulses.
std::filesystem::path write_tile(Scheme scheme) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("alisio_zfits_bench_" + std::to_string(::getpid()) + ".fits.fz");
  std::mt19937 random(1);
  std::normal_distribution<double> noise(400, 7);
  Writer writer(path);
  TableSpec spec;
  spec.name = "Events";
  spec.message_class = "ProtoR1.CameraEvent";
  spec.columns = {{"waveform", "7", ItemType::uint16, true, scheme}};
  spec.rows_per_tile = events_per_tile;
  spec.max_tiles = 1;
  writer.begin_table(spec);
  std::vector<std::uint16_t> samples(words_per_event);
  for (std::size_t event = 0; event < events_per_tile; ++event) {
    for (auto& sample : samples) sample = static_cast<std::uint16_t>(std::lround(noise(random)));
    for (std::size_t pulse = 0; pulse < 100; ++pulse) {
      const std::size_t at = random() % (samples.size() - 8);
      const auto height = static_cast<double>(random() % 1000);
      for (std::size_t j = 0; j < 8; ++j)
        samples[at + j] = static_cast<std::uint16_t>(
            samples[at + j] + height * std::exp(-0.5 * std::pow(static_cast<double>(j) - 3.5, 2)));
    }
    Row row;
    writer.append_row(row.add(samples).columns());
  }
  writer.close();
  return path;
}

void decode_waveforms(benchmark::State& state, Scheme scheme) {
  const auto path = write_tile(scheme);
  const File file = File::open(path);
  const Table& table = file.table("Events");
  DecodedColumn column;
  DecodeScratch scratch;
  for (auto _ : state) {
    table.decode(0, 0, column, scratch);
    benchmark::DoNotOptimize(column.row(0).data());
  }
  state.counters["events/s"] = benchmark::Counter(
      static_cast<double>(state.iterations() * events_per_tile), benchmark::Counter::kIsRate);
  std::filesystem::remove(path);
}

BENCHMARK_CAPTURE(decode_waveforms, fact, Scheme::fact)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_waveforms, diffman16, Scheme::diffman16)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_waveforms, zstd, Scheme::zstd)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace alisio::zfits

BENCHMARK_MAIN();
