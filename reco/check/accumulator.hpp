#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/event/event_type.hpp"
#include "lib/event/image_parameters.hpp"
#include "lib/instrument/telescope.hpp"
#include "reco/check/class_check.hpp"
#include "reco/check/summary.hpp"

namespace alisio::check {

/// Consecutive events of a subrun in columns, as a DL1 file holds them.
struct Events {
  std::size_t size = 0;
  std::span<const std::int64_t> event_id;
  std::span<const double> dragon_time;          ///< UTC unix, s
  std::span<const double> ucts_time, tib_time;  ///< the same; empty: zeros
  std::span<const double> alt_tel, az_tel;      ///< rad
  std::span<const EventType> event_type;
  std::span<const std::uint8_t> trigger_type, ucts_trigger_type;
  std::span<const std::uint8_t> ucts_jump;  ///< 0 or 1; empty: not known
  std::span<const ImageParameters> parameters;
  std::span<const float> image;      ///< [event][pixel], p.e.
  std::span<const float> peak_time;  ///< [event][pixel], ns
};

/// What prepare() finds out about some events; kept from block to block, so that nothing is
/// allocated.
struct Prepared {
  std::vector<EventClass> event_class;     ///< [event]
  std::vector<std::uint8_t> is_mistagged;  ///< [event]
  std::vector<std::int32_t> cog_pixel;     ///< [event]; -1: outside, or no image
  std::vector<float> median_time;          ///< [event] of pulses above 1 p.e.; NaN without
  std::array<std::vector<std::int64_t>, n_classes> charges;  ///< hist_pixelchargespectrum
  std::vector<float> scratch;                                ///< [pixel]
};

/// The check of one subrun.
struct SubrunCheck {
  /// By EventClass; empty for a class with fewer than two events.
  std::array<std::optional<ClassCheck>, n_classes> classes;
  SubrunSummary summary;
};

/// Adds up the data check of one subrun, block by block, in lstchain's definitions. Sums of pixels
/// are taken event by event in double precision: the result depends neither on the size of blocks
/// nor on the number of threads. Per event it keeps 60 bytes (times and pointing), no images.
class Accumulator {
 public:
  /// @param run, subrun -1 if not known
  Accumulator(const instrument::Telescope& telescope, std::int64_t run, std::int64_t subrun);

  /// Do what needs no order: classes, medians, centroids, the spectrum of charges. From any thread.
  void prepare(const Events& events, Prepared& out) const;
  /// Add prepared events; blocks in the order of the file.
  void add(const Events& events, const Prepared& prepared);
  /// Return the check of all that was added.
  [[nodiscard]] SubrunCheck finish() const;

  [[nodiscard]] std::size_t event_count() const { return event_id_.size(); }

 private:
  [[nodiscard]] std::int32_t pixel_at(double x, double y) const;
  void add_images(const Events& events, const Prepared& prepared);
  [[nodiscard]] ClassCheck class_check(EventClass c) const;

  /// Sums of the pixels of one class, [pixel].
  struct PixelSums {
    std::vector<double> charge, charge2, time, time2, relative, relative2, bright, bright2;
    std::vector<std::int32_t> times, bright_times;
    std::array<std::vector<std::int32_t>, pulse_thresholds.size()> pulses;
  };
  struct ClassState {
    std::int64_t events = 0, cleaned = 0, jumps = 0, leading_jumps = 0;
    std::array<std::int64_t, 256> trigger_types{}, ucts_trigger_types{};
    Counts histograms;
    std::vector<std::int64_t> cogs, bright_cogs;  ///< [pixel]
    PixelSums pixels;
  };

  const instrument::Telescope telescope_;
  std::int64_t run_, subrun_;
  double degrees_per_metre_, pixel_circumradius_;
  std::size_t inner_pixel_ = 0;  ///< one that is not at the border
  std::array<ClassState, n_classes> classes_;
  std::vector<std::int64_t> delta_t_;
  bool seen_no_jump_ = false, jumps_known_ = false;
  std::int64_t mistagged_ = 0, unknown_ = 0;
  // Per event.
  std::vector<std::int64_t> event_id_;
  std::vector<double> dragon_time_, ucts_time_, tib_time_, alt_, az_;
  std::vector<EventClass> event_class_;
};

}  // namespace alisio::check
