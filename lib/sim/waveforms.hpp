#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/sim/camera_model.hpp"
#include "lib/sim/light.hpp"
#include "lib/sim/random.hpp"
#include "lib/sim/raw_event.hpp"

namespace alisio::sim {

/// Tables that every run shares: the reference pulse at fractions of a sample, normal numbers,
/// charges of single photo-electrons, cosines of the sampling delays.
struct PulseTables {
  static constexpr std::size_t phases = 16;           ///< per sample
  std::size_t pulse_samples = 0;                      ///< length of a pulse
  std::array<std::vector<float>, drs4::gains> pulse;  ///< [phase][pulse_samples], area 1
  std::array<double, drs4::gains> peak_ns{};          ///< time of the maximum
  std::vector<float> normal;                          ///< mean 0, rms 1
  std::vector<float> single_pe;                       ///< charge in p.e., mean 1
  std::vector<float> delay_cos, delay_sin;            ///< [cell of a channel][harmonic]
};

[[nodiscard]] PulseTables make_pulse_tables(const CameraModel& camera);

/// Share of a pulse's area in the window [peak - shift, peak - shift + width), averaged over
/// arrival times and spread as flat-field light is: what turns true gains into those of a charge
/// extractor.
[[nodiscard]] double window_fraction(const CameraModel& camera, const PulseTables& tables,
                                     std::size_t gain, int width, int shift);

/// Makes the waveforms of one run, event after event: what a DRS4 ring holds depends on when it was
/// read before. Rules of time lapse and spikes are those of the LST corrections (spec of the peers'
/// ctapipe_io_lst, DragonBoard data), applied the other way round.
class WaveformMaker {
 public:
  /// @param night_sky_scale factor on the night sky of the camera
  /// @param dead_pixels stay flat
  /// @param preprocessing what the event builder does, with perfect constants
  WaveformMaker(const CameraModel& camera, const PulseTables& tables, std::uint64_t seed,
                std::uint64_t run, double night_sky_scale,
                const std::vector<std::uint16_t>& dead_pixels,
                const Preprocessing& preprocessing = {});

  /// Make the next event.
  /// @param light expected photo-electrons
  /// @param first_cell [chip] of the read-out window, 0 to 4095
  /// @param ticks time of the event in module clock ticks
  /// @param out [gain][read-out position][sample], ADC, or what is left of it after preprocessing
  ///            in the code of sample_code()
  void make(const Light& light, std::span<const std::uint16_t> first_cell, std::uint64_t ticks,
            std::span<std::uint16_t> out);

  /// Where gain selection keeps low gain of the event made last: a sample of high gain, as counted,
  /// above 3900, the first and last samples aside. [read-out position]
  [[nodiscard]] std::span<const std::uint8_t> low_gain_chosen() const { return low_gain_chosen_; }

 private:
  void preprocess(std::size_t gain, std::size_t pixel, std::size_t first,
                  std::span<const float> correction, std::span<std::uint16_t> samples) const;
  void update_time_lapse(std::uint64_t ticks);

  const CameraModel& camera_;
  const PulseTables& tables_;
  std::uint64_t seed_, run_;
  Preprocessing preprocessing_;
  std::vector<std::uint8_t> dead_;             ///< [pixel]
  std::vector<std::uint8_t> low_gain_chosen_;  ///< [read-out position]
  std::vector<float> pe_per_adc_;              ///< [gain * n_pixels + pixel]
  std::vector<float> night_sky_;               ///< [pixel], p.e./ns
  std::vector<double> no_night_sky_;           ///< [pixel], probability of no photo-electron at all
  std::vector<std::uint32_t> last_read_;       ///< [channel][cell], number of the event, 0: never
  std::vector<std::uint16_t> previous_;        ///< [chip], first cell of the previous event
  std::vector<std::uint64_t> ticks_;           ///< [event number]
  std::vector<float> lapse_;                   ///< [event number], ADC for cells last read then
  std::size_t oldest_ = 1;                     ///< first event within reach of the time lapse
};

}  // namespace alisio::sim
