#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "calib/charge/extraction.hpp"
#include "calib/constants/constants.hpp"
#include "calib/drs4/corrector.hpp"

namespace alisio::calib {

struct TimeCalibrationOptions {
  Window window{12, 5};
  double minimum_charge = 200;   ///< of a pulse that counts, ADC counts
  double sampling_rate = 1.024;  ///< GHz
};

/// DRS4 sampling delays as flat-field pulses show them.
struct MeasuredTimeCalibration {
  static constexpr std::size_t n_harmonics = 16;
  /// Bins of first capacitors in a DRS4 channel of 1024.
  static constexpr std::size_t n_bins = 128;

  /// Why a channel's curve is not the plain one.
  enum Flag : std::uint8_t {
    complete = 0,
    interpolated = 1,  ///< some bins had no pulse and were interpolated from their neighbours
    /// Too few bins had pulses to tell a curve; the coefficients are 0 but for the mean time.
    flat = 2,
    dead = 3  ///< no pulse at all; the coefficients are the median of the gain's mean times
  };

  TimeCalibration curve;                  ///< Fourier coefficients, ns, [gain][pixel][harmonic]
  std::vector<std::uint8_t> flags;        ///< [gain][pixel], a Flag
  std::vector<std::uint32_t> counts;      ///< [gain][pixel], pulses
  std::vector<std::uint16_t> empty_bins;  ///< [gain][pixel]
  std::size_t events = 0;                 ///< flat-field events
};

/// Measures the mean arrival time of flat-field pulses as a function of the first capacitor and
/// expands it into a Fourier series (arXiv:1305.1007). Modules are independent; sums are in the
/// order of events, so results do not depend on threads.
class TimeCalibrationMeter {
 public:
  TimeCalibrationMeter(std::size_t n_pixels, const TimeCalibrationOptions& options);

  /// Note the events of a block; only flat-field events are used. Call before add().
  void begin(const RawBlock& block);
  /// Add the pulses of some pixels (a module's) in all flat-field events of a block. Calls for
  /// different pixels may run at once; blocks in order.
  /// @param waveforms of the block, both gains filled
  void add(const RawBlock& block, const CorrectedBlock& waveforms,
           std::span<const std::uint16_t> pixels);
  [[nodiscard]] MeasuredTimeCalibration finish() const;

 private:
  std::size_t n_pixels_ = 0;
  TimeCalibrationOptions options_;
  std::size_t events_ = 0;
  std::vector<double> sum_;             ///< [gain][pixel][bin], ns
  std::vector<std::uint32_t> entries_;  ///< the same shape
};

}  // namespace alisio::calib
