// What this machine can do at best: the floors that the other benchmarks and `--timings` are read
// against, and the kernel (dependent_multiplications) that scripts/check-speed measures the others
// in.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "lib/base/hash.hpp"
#include "lib/base/large_vector.hpp"

namespace alisio {
namespace {

constexpr std::size_t more_than_the_cache = std::size_t{256} << 20, line = 64;

/// Three cycles each, on processors of all makes of these years; some do several additions of
/// constants at once. Many in a row, since a loop of one may take longer, by where the linker has
/// put it.
void dependent_multiplications(benchmark::State& state) {
  std::uint64_t product = 1;
  for (auto _ : state)
    for (int i = 0; i < 10'000; ++i)
      asm volatile(".rept 100\n\timul $3, %0, %0\n\t.endr" : "+r"(product));
  benchmark::DoNotOptimize(product);
}

void read_memory(benchmark::State& state) {
  const LargeVector<std::uint64_t> memory(more_than_the_cache / sizeof(std::uint64_t), 1);
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const std::uint64_t word : memory) sum += word;
    benchmark::DoNotOptimize(sum);
  }
  state.SetBytesProcessed(state.iterations() * std::int64_t(more_than_the_cache));
}

void write_memory(benchmark::State& state) {
  LargeVector<std::byte> memory(more_than_the_cache);
  for (auto _ : state) {
    std::memset(memory.data(), int(state.iterations() & 1), memory.size());
    benchmark::DoNotOptimize(memory.data());
  }
  state.SetBytesProcessed(state.iterations() * std::int64_t(more_than_the_cache));
}

/// Cache lines at random places of a table as large as the DRS4 baselines (30 MB), several at once.
void read_random_lines(benchmark::State& state) {
  const LargeVector<std::uint8_t> table(std::size_t{30} << 20, 1);
  std::mt19937 random(1);
  std::vector<std::uint32_t> places(100'000);
  for (auto& place : places) place = std::uint32_t(random() % (table.size() / line) * line);
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const auto place : places) sum += table[place];
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t(places.size()));
}

void hash_sha256(benchmark::State& state) {
  const std::vector<std::byte> bytes(std::size_t{1} << 20);
  for (auto _ : state) {
    Hasher hasher;
    hasher.update(bytes);
    benchmark::DoNotOptimize(hasher.finish());
  }
  state.SetBytesProcessed(state.iterations() * std::int64_t(bytes.size()));
}

BENCHMARK(dependent_multiplications)->Unit(benchmark::kMicrosecond);
BENCHMARK(read_memory)->Unit(benchmark::kMicrosecond);
BENCHMARK(write_memory)->Unit(benchmark::kMicrosecond);
BENCHMARK(read_random_lines)->Unit(benchmark::kMicrosecond);
BENCHMARK(hash_sha256)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace alisio

BENCHMARK_MAIN();
