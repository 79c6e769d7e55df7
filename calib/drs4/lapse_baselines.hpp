#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "calib/drs4/readout.hpp"
#include "calib/drs4/time_lapse.hpp"

namespace alisio::calib::drs4 {

/// What the capacitors of one readout of a chip gained since each was read out last.
class LapseBaselines {
 public:
  /// Return whether every capacitor gained nothing.
  [[nodiscard]] bool empty() const noexcept { return n_ == 0; }
  /// Say that none did.
  void clear() noexcept { n_ = 0; }
  /// Return bounds of the baselines of the readout's samples, time_lapse_uncertainty to either
  /// side; none if it is empty. What gained nothing gained 0. @pre evaluate_lapses()
  /// @param pixel_in_module the chip's even pixels are read out at more places than the odd ones
  [[nodiscard]] LapseBounds of(std::size_t pixel_in_module) const noexcept {
    if (empty()) return {};
    const Bounds& bounds = pixel_in_module % 2 == 0 && !alike_ ? even_ : odd_;
    return {bounds.low.data(), bounds.high.data()};
  }
  /// Make the bounds one number each, the exact one. It takes longer.
  void make_exact();

 private:
  friend class ReadoutHistory;
  friend void evaluate_lapses_scalar(std::span<LapseBaselines> chips);
  friend void evaluate_lapses(std::span<LapseBaselines> chips);
  /// Its vectors lie in one line of cache each.
  struct alignas(64) Bounds {
    std::array<double, readout::n_samples> low, high;
  };
  void spread(const double* values, double uncertainty);
  void evaluate_scalar();
  static void evaluate_avx512(std::span<LapseBaselines> chips);

  /// Room for an earlier readout for each sample of two sets of 40, and for vectors after the last.
  static constexpr std::size_t room_after = 8, most = 2 * readout::n_samples + room_after;
  std::size_t n_ = 0;
  std::array<std::uint32_t, most> ticks_;  ///< since the earlier readout
  /// Bit s: it read sample s. Where several did, the last of them counts; those after the last of
  /// all read none.
  std::array<std::uint64_t, most> odd_samples_, even_samples_;
  Bounds odd_, even_;
  bool alike_ = true;  ///< even_samples_ are odd_samples_, and neither they nor even_ are filled
};

/// Compute the bounds of what ReadoutHistory::find() found for some chips.
void evaluate_lapses_scalar(std::span<LapseBaselines> chips);
/// The same, with the widest instructions of the machine. The bounds differ in their last digits,
/// what is subtracted within them does not.
void evaluate_lapses(std::span<LapseBaselines> chips);

}  // namespace alisio::calib::drs4
