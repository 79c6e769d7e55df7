#pragma once
#include <cstdint>
#include <initializer_list>

#include "lib/sim/portable_math.hpp"

namespace alisio::sim {

/// What a sequence of random numbers is for, so that no two uses share one.
enum class Purpose : std::uint64_t { camera, tables, run, cells, shower, waveform, streams, tags };

/// Random numbers that depend on nothing but the four words they start from: xoshiro256++
/// (Blackman, Vigna 2019) started by splitmix64. Distributions are our own because those of the
/// standard library differ from one library to the next.
class Random {
 public:
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t run = 0, std::uint64_t index = 0) {
    std::uint64_t key = seed;
    for (const std::uint64_t word : {static_cast<std::uint64_t>(purpose), run, index})
      key = mix(key) ^ (word * 0x9e3779b97f4a7c15U + 0x632be59bd9b4e019U);
    for (std::uint64_t& word : state_) word = mix(key);
  }

  std::uint64_t bits() {
    const std::uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  /// Return a number in [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11U) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Return an integer in [0, n), n at most 2^32.
  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(((bits() >> 32U) * n) >> 32U);
  }

  /// Return a standard normal number (Marsaglia's polar method).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double u = 0, v = 0, s = 0;
    do {
      u = 2 * uniform() - 1;
      v = 2 * uniform() - 1;
      s = u * u + v * v;
    } while (s >= 1 || s == 0);
    const double scale = std::sqrt(-2 * portable_log(s) / s);
    spare_ = v * scale;
    has_spare_ = true;
    return u * scale;
  }
  double normal(double mean, double sigma) { return mean + sigma * normal(); }
  double exponential(double mean) { return -mean * portable_log(1 - uniform()); }

  /// Return a Poisson number; above 30 by the Cornish-Fisher expansion.
  int poisson(double mean) {
    if (mean > 30) {
      const double z = normal();
      const double n = std::floor(mean + std::sqrt(mean) * z + (z * z - 1) / 6 + 0.5);
      return n < 0 ? 0 : static_cast<int>(n);
    }
    return poisson_below(portable_exp(-mean));
  }
  /// Return a Poisson number, given exp(-mean) of a small mean (products of uniform numbers).
  int poisson_below(double exp_minus_mean) {
    int n = 0;
    for (double product = uniform(); product > exp_minus_mean; product *= uniform()) ++n;
    return n;
  }

  /// Return a gamma number of mean 1 and the given shape (above 4; Wilson and Hilferty).
  double gamma_of_mean_1(double shape) { return gamma_from_normal(shape, normal()); }
  static double gamma_from_normal(double shape, double z) {
    const double root = 1 - 1 / (9 * shape) + z / (3 * std::sqrt(shape));
    return root < 0 ? 0 : root * root * root;
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, unsigned k) { return (x << k) | (x >> (64U - k)); }
  static std::uint64_t mix(std::uint64_t& key) {
    key += 0x9e3779b97f4a7c15U;
    std::uint64_t z = key;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  std::uint64_t state_[4] = {};
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace alisio::sim
