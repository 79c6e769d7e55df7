#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/instrument/camera.hpp"

namespace alisio::calib {

/// Samples that are summed around a peak: from peak - shift, `width` of them, cut at the ends of
/// the waveform.
struct Window {
  int width = 8;
  int shift = 4;
};

/// Charge and arrival time of one pixel.
struct Pulse {
  float charge = 0;     ///< sum of the window, in the unit of the samples
  float peak_time = 0;  ///< ns from the first sample
};

/// Return the first sample that holds the largest value. Samples must not be NaN.
[[nodiscard]] std::size_t find_peak_scalar(const float* samples, std::size_t n);
/// The same, with the widest instructions of the machine.
[[nodiscard]] std::size_t find_peak(const float* samples, std::size_t n);

/// Sum a window around `peak`; the time is the mean of the positive samples in the window, weighted
/// by their values, or the peak if none is positive. Sums are in double and rounded to float
/// (ctapipe's extract_around_peak).
/// @param sampling_rate GHz
[[nodiscard]] Pulse sum_window(const float* samples, std::size_t n, std::size_t peak, Window window,
                               double sampling_rate);

/// Return the charge of sum_window() alone, which is had for a third of the price.
[[nodiscard]] float sum_charge(const float* samples, std::size_t n, std::size_t peak,
                               Window window);

/// A waveform, and what makes it p.e.
struct Channel {
  const float* samples;        ///< ADC counts
  double pedestal_per_sample;  ///< ADC counts
  double dc_to_pe;             ///< p.e. per ADC count
};

/// Samples that to_pe() and extract_in_pe() take of a channel at most.
inline constexpr std::size_t most_samples = 64;

/// Convert the samples of a channel to p.e. (convert_to_pe).
/// @param n at most most_samples
/// @param out [sample]; may be where the samples are
void to_pe_scalar(const Channel& channel, std::size_t n, float* out);
/// The same, with the widest instructions of the machine.
void to_pe(const Channel& channel, std::size_t n, float* out);

/// Sum, for each channel, the window around the peak of the samples in p.e.
/// @param n samples of each channel, at most most_samples
/// @param sampling_rate GHz
/// @param out [channel]
void extract_in_pe_scalar(std::span<const Channel> channels, std::size_t n, Window window,
                          double sampling_rate, std::span<Pulse> out);
/// The same, with the widest instructions of the machine.
void extract_in_pe(std::span<const Channel> channels, std::size_t n, Window window,
                   double sampling_rate, std::span<Pulse> out);

/// Replace values, charges or times, of invalid pixels by the mean of their valid neighbours, 0 if
/// there are none (ctapipe's NeighborAverage).
/// @param invalid 1: replace
void interpolate_invalid(const instrument::CameraGeometry& geometry,
                         std::span<const std::uint8_t> invalid, std::span<float> values);

}  // namespace alisio::calib
