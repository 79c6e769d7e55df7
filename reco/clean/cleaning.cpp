#include "reco/clean/cleaning.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "lib/base/error.hpp"

namespace alisio::clean {
namespace {

using instrument::CameraGeometry;

constexpr std::size_t kWord = sizeof(std::uint64_t);

std::size_t padded(std::size_t n) {
  return (n + kWord - 1) / kWord * kWord;
}

template <typename Charge>
void flag_above(std::span<const Charge> image, Charge threshold, std::uint8_t* flags) {
  for (std::size_t i = 0; i < image.size(); ++i) flags[i] = image[i] >= threshold;
}

template <typename Charge>
void flag_above(std::span<const Charge> image, std::span<const double> thresholds,
                std::uint8_t* flags) {
  for (std::size_t i = 0; i < image.size(); ++i) {
    flags[i] = static_cast<double>(image[i]) >= thresholds[i];
  }
}

/// Append the indices at which either array is set, eight at a time: few pixels are.
void collect(const std::uint8_t* a, const std::uint8_t* b, std::size_t n_padded,
             std::vector<std::uint16_t>& indices) {
  indices.clear();
  for (std::size_t i = 0; i < n_padded; i += kWord) {
    std::uint64_t x, y;
    std::memcpy(&x, a + i, kWord);
    std::memcpy(&y, b + i, kWord);
    if ((x | y) == 0) continue;
    for (std::size_t k = i; k < i + kWord; ++k) {
      if (a[k] | b[k]) indices.push_back(static_cast<std::uint16_t>(k));
    }
  }
}

int count_set(const CameraGeometry& geometry, std::size_t pixel, const std::uint8_t* flags) {
  int n = 0;
  for (const auto j : geometry.neighbours_of(pixel)) n += flags[j];
  return n;
}

/// Leave in scratch.selected the pixels that pass the two thresholds.
template <typename Charge>
void two_thresholds(std::span<const Charge> image, const CameraGeometry& geometry,
                    const CleaningOptions& options, std::span<const double> picture_thresholds,
                    CleaningScratch& scratch) {
  auto* const above = scratch.above.data();
  auto* const picture = scratch.picture.data();
  auto* const boundary = scratch.boundary.data();
  if (picture_thresholds.empty()) {
    flag_above(image, static_cast<Charge>(options.picture_thresh), above);
  } else {
    flag_above(image, picture_thresholds, above);
  }
  flag_above(image, static_cast<Charge>(options.boundary_thresh), boundary);
  const std::size_t n_padded = padded(image.size());
  collect(above, boundary, n_padded, scratch.candidates);

  const bool isolated = options.keep_isolated_pixels;
  const int needed = isolated ? 0 : options.min_number_picture_neighbors;
  for (const auto i : scratch.candidates) {
    picture[i] = above[i] && (needed <= 0 || count_set(geometry, i, above) >= needed);
  }
  scratch.selected.clear();
  for (const auto i : scratch.candidates) {
    const bool kept = (boundary[i] && count_set(geometry, i, picture) > 0) ||
                      (picture[i] && (isolated || count_set(geometry, i, boundary) > 0));
    if (kept) scratch.selected.push_back(i);
  }
  for (const auto i : scratch.candidates) picture[i] = 0;
}

/// Drop selected pixels without a selected neighbour that is near in time.
template <typename Time>
void time_cut(std::span<const Time> peak_time, const CameraGeometry& geometry, Time limit,
              std::span<std::uint8_t> mask, CleaningScratch& scratch) {
  auto& dropped = scratch.stack;
  dropped.clear();
  for (const auto i : scratch.selected) {
    const bool kept = std::ranges::any_of(geometry.neighbours_of(i), [&](std::uint16_t j) {
      return mask[j] && std::abs(peak_time[i] - peak_time[j]) < limit;
    });
    if (!kept) dropped.push_back(i);
  }
  for (const auto i : dropped) mask[i] = 0;
}

/// Mean of the three largest charges of the camera, summed from the smallest; NaN charges do not
/// take part.
template <typename Charge>
Charge mean_of_brightest(std::span<const Charge> image) {
  std::array<Charge, 3> top;
  top.fill(-std::numeric_limits<Charge>::infinity());
  for (const Charge q : image) {
    if (!(q > top[0])) continue;
    if (q > top[2]) {
      top = {top[1], top[2], q};
    } else if (q > top[1]) {
      top = {top[1], q, top[2]};
    } else {
      top[0] = q;
    }
  }
  return (top[0] + top[1] + top[2]) / 3;
}

/// Count connected groups of mask pixels; scratch.island gets the group of each selected pixel, in
/// the order of lowest pixel index, and *largest the first of the most populous ones.
std::int64_t count_islands(const CameraGeometry& geometry, std::span<const std::uint8_t> mask,
                           CleaningScratch& scratch, std::uint16_t* largest) {
  constexpr std::uint16_t none = 0;
  auto& island = scratch.island;
  for (const auto i : scratch.selected) island[i] = none;
  std::uint16_t n_islands = 0;
  std::size_t most = 0;
  *largest = 0;
  for (const auto seed : scratch.selected) {
    if (island[seed] != none) continue;
    island[seed] = ++n_islands;
    auto& stack = scratch.stack;
    stack.assign(1, seed);
    std::size_t size = 0;
    while (!stack.empty()) {
      const auto i = stack.back();
      stack.pop_back();
      ++size;
      for (const auto j : geometry.neighbours_of(i)) {
        if (!mask[j] || island[j] != none) continue;
        island[j] = n_islands;
        stack.push_back(j);
      }
    }
    if (size > most) {
      most = size;
      *largest = n_islands;
    }
  }
  return n_islands;
}

template <typename Real>
CleaningCounts clean(std::span<const Real> image, std::span<const Real> peak_time,
                     const CameraGeometry& geometry, const CleaningOptions& options,
                     std::span<const double> picture_thresholds, std::span<std::uint8_t> mask,
                     CleaningScratch& scratch) {
  const std::size_t n = geometry.n_pixels;
  if (image.size() != n || peak_time.size() != n || mask.size() != n ||
      (!picture_thresholds.empty() && picture_thresholds.size() != n)) {
    throw Error(ErrorKind::bug, "an image to clean does not fit the camera geometry",
                geometry.name);
  }
  if (scratch.island.size() != n) scratch.reserve(n);

  two_thresholds(image, geometry, options, picture_thresholds, scratch);
  std::ranges::fill(mask, std::uint8_t{0});
  CleaningCounts counts;
  auto& selected = scratch.selected;
  if (selected.empty()) return counts;
  for (const auto i : selected) mask[i] = 1;

  const auto drop_unmasked = [&] {
    std::erase_if(selected, [&](std::uint16_t i) { return mask[i] == 0; });
  };
  if (options.delta_time) {
    time_cut(peak_time, geometry, static_cast<Real>(*options.delta_time), mask, scratch);
    drop_unmasked();
  }
  if (options.dynamic_cleaning.apply) {
    const Real brightest = mean_of_brightest(image);
    if (brightest >= static_cast<Real>(options.dynamic_cleaning.threshold)) {
      const Real cut =
          static_cast<Real>(options.dynamic_cleaning.fraction_cleaning_intensity) * brightest;
      for (const auto i : selected) mask[i] = image[i] >= cut;
      drop_unmasked();
    }
  }
  std::uint16_t largest = 0;
  counts.n_islands = count_islands(geometry, mask, scratch, &largest);
  if (options.use_only_main_island) {
    for (const auto i : selected) mask[i] = scratch.island[i] == largest;
    drop_unmasked();
  }
  counts.n_pixels = static_cast<std::int64_t>(selected.size());
  return counts;
}

}  // namespace

void CleaningScratch::reserve(std::size_t n_pixels) {
  for (auto* flags : {&above, &picture, &boundary}) flags->assign(padded(n_pixels), 0);
  island.assign(n_pixels, 0);
  for (auto* indices : {&candidates, &stack, &selected}) {
    indices->clear();
    indices->reserve(n_pixels);
  }
}

CleaningCounts clean_image(std::span<const float> image, std::span<const float> peak_time,
                           const CameraGeometry& geometry, const CleaningOptions& options,
                           std::span<const double> picture_thresholds, std::span<std::uint8_t> mask,
                           CleaningScratch& scratch) {
  return clean(image, peak_time, geometry, options, picture_thresholds, mask, scratch);
}

CleaningCounts clean_image(std::span<const double> image, std::span<const double> peak_time,
                           const CameraGeometry& geometry, const CleaningOptions& options,
                           std::span<const double> picture_thresholds, std::span<std::uint8_t> mask,
                           CleaningScratch& scratch) {
  return clean(image, peak_time, geometry, options, picture_thresholds, mask, scratch);
}

}  // namespace alisio::clean
