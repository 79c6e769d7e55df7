#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "calib/charge/extraction.hpp"
#include "calib/constants/constants.hpp"
#include "calib/constants/interleaved.hpp"
#include "calib/drs4/corrector.hpp"
#include "calib/gain/gain.hpp"
#include "calib/r0/r0_source.hpp"
#include "lib/event/event_block.hpp"
#include "lib/flow/thread_pool.hpp"
#include "lib/instrument/camera.hpp"
#include "lib/io/text/drive_log.hpp"

/// From raw events to calibrated images: the event loop's calibration half. Typical use:
///
///     R0Source source(file, r0_options);
///     ImageProducer producer(source, constants, camera, options);
///     producer.run(pool, clean_and_parametrise, write);
///     producer.monitoring();
namespace alisio::calib {

/// Tells flat-field events by the sum of their corrected high-gain samples: before 2022 their
/// triggers did not (LSTEventSource.tag_flatfield_events of the peers).
struct FlatfieldHeuristic {
  double min_adc = 3000, max_adc = 12000;  ///< of a pixel's sum, ADC counts, both inclusive
  double min_pixel_fraction = 0.8;         ///< of the camera's pixels within
};

/// Settings; the defaults are LST's standard configuration.
struct CalibrationOptions {
  double charge_scale_high_gain = 1.088, charge_scale_low_gain = 1.004;
  float gain_selection_threshold = 3500;  ///< ADC counts
  Window window{8, 4};                    ///< of the images
  Window flatfield_window{12, 5};         ///< of the flat-field statistics
  Window pedestal_window{12, 6};          ///< of the pedestal statistics
  int pedestal_peak = 18;                 ///< sample that the pedestal window refers to
  SpikeMethod spike_method = SpikeMethod::subtraction;
  std::optional<FlatfieldHeuristic> flatfield_heuristic;  ///< nothing: the trigger counts
  InterleavedOptions interleaved;
  /// Keep the arrival times of interleaved events in both gains, as their file needs them.
  bool keep_interleaved_times = false;
  Timings* timings = nullptr;  ///< gets the time of each step
};

/// What a job was given.
struct CalibrationConstants {
  std::shared_ptr<const Drs4Pedestal> drs4_pedestal;
  std::shared_ptr<const CameraCalibration> camera;
  std::shared_ptr<const TimeCalibration> time;      ///< nullptr: no sampling delays
  std::shared_ptr<const text::DriveLog> drive_log;  ///< nullptr: pointing is NaN
};

/// A block on its way: raw, corrected, calibrated. Reused; moves with its buffers.
struct WorkBlock {
  RawBlock raw;
  /// ADC counts; p.e. in both gains of interleaved events, and where the event builder made p.e.
  CorrectedBlock waveforms;
  EventBlock events;
  /// Arrival times of interleaved events, ns, [k][gain][pixel]; k as in interleaved(). NaN of a
  /// gain that was not stored. After calibrate(), if the options ask for it.
  std::vector<float> interleaved_times;

  /// Flat-field and pedestal events among `events`, ascending.
  [[nodiscard]] std::span<const std::size_t> interleaved() const { return interleaved_; }

 private:
  friend class ImageProducer;
  std::vector<std::shared_ptr<const std::vector<std::uint8_t>>> failing_;  ///< [event]
  std::vector<std::size_t> interleaved_;  ///< events that go into the statistics
  std::vector<float> charge_, time_;      ///< [interleaved event][gain][pixel]
  std::vector<double> shift_, sorted_;    ///< scratch of calibrate()
  std::vector<std::uint8_t> invalid_;     ///< the same
};

/// Drives calibration; the result does not depend on the number of threads.
class ImageProducer {
 public:
  /// @param sampling_rate GHz
  /// @throws Error(bad_input) if constants, camera and file do not fit.
  ImageProducer(R0Source& source, CalibrationConstants constants,
                const instrument::CameraGeometry& geometry, double sampling_rate,
                const CalibrationOptions& options);

  /// Ordered part: read the next block; of each module (in parallel) correct the DRS4 chips, select
  /// gains, convert to p.e. and extract charges and times; keep the interleaved statistics, fill
  /// ids, times, types and pointing. False at the end of the file.
  bool next(WorkBlock& block, flow::ThreadPool& pool);
  /// Parallel part: align the times, fill invalid pixels. Any number of blocks may be calibrated at
  /// once.
  void calibrate(WorkBlock& block) const;
  /// Return the samples of the selected gains of an event, p.e.
  /// @param waveforms gets [pixel][sample]
  void waveforms_in_pe(const WorkBlock& block, std::size_t event,
                       std::vector<float>& waveforms) const;
  /// Sum the samples of all pixels of a calibrated event in one window: around the peak of the mean
  /// waveform of the valid pixels, scaled as calibrate() does, invalid pixels filled from their
  /// neighbours (ctapipe's GlobalPeakWindowSum in its CameraCalibrator). For light that arrives at
  /// once, such as muon rings.
  /// @param waveforms of waveforms_in_pe()
  /// @param dark [pixel], 1: its samples count as 0
  /// @param image [pixel], gets the charges, p.e.; those of dark pixels are 0
  void sum_in_common_window(const WorkBlock& block, std::size_t event,
                            std::span<const float> waveforms, Window window,
                            std::span<const std::uint8_t> dark, std::span<float> image) const;
  /// Return, for each gain, the sample at which the waveforms of the marked pixels peak when
  /// stacked; 0 if no pixel has that gain.
  /// @param waveforms of waveforms_in_pe()
  /// @param marked [pixel]
  [[nodiscard]] std::array<std::size_t, n_gains> stacked_peaks(
      const WorkBlock& block, std::size_t event, std::span<const float> waveforms,
      std::span<const std::uint8_t> marked) const;
  /// Return the pixels that the calibration file calls unusable, [gain][pixel].
  [[nodiscard]] std::span<const std::uint8_t> unusable_pixels() const {
    return constants_.camera->row.calibration.unusable_pixels;
  }
  /// Close the statistics at the end of the file.
  void finish() { statistics_.finish(); }

  /// Do it all: next, calibrate and then `process` on each block, several at once; `consume` in
  /// order on the calling thread; finish.
  /// @throws Error(interrupted) between two blocks, and what the functions throw.
  void run(flow::ThreadPool& pool, const std::function<void(WorkBlock&)>& process,
           const std::function<void(WorkBlock&)>& consume);

  /// Monitoring rows: row 0 is the calibration file's, the others are complete after finish().
  [[nodiscard]] const InterleavedStatistics& monitoring() const noexcept { return statistics_; }

  struct Counters {
    std::size_t events = 0;
    std::size_t outside_drive_log = 0;
    std::size_t nan_constants = 0;                     ///< channels
    std::size_t made_flatfield = 0, made_unknown = 0;  ///< by the flat-field heuristic
    std::size_t one_gain_interleaved = 0;  ///< flat-fields and pedestals that hold one gain
  };
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  /// Fill the charges and times of pixels for the statistics of interleaved events, ADC counts.
  void extract_interleaved(WorkBlock& block, std::span<const std::uint16_t> pixels) const;
  /// Select the gain of pixels in all events, fill charges and times.
  void extract_images(WorkBlock& block, std::span<const std::uint16_t> pixels) const;
  /// The same in one event, of at most the pixels of a module.
  /// @param times gets the arrival times of both gains, [gain][pixel of the camera]; or nullptr
  void extract_image(WorkBlock& block, std::size_t event, std::span<const std::uint16_t> pixels,
                     float* times) const;
  /// Return a waveform that is not p.e. yet, and what makes it so: nothing if it holds p.e. or 0.
  [[nodiscard]] Channel channel_of(const WorkBlock& block, std::size_t event, std::size_t gain,
                                   std::size_t pixel) const;
  /// Return the gain that a pixel's image is made of.
  [[nodiscard]] std::size_t selected_gain(const WorkBlock& block, std::size_t event,
                                          std::size_t pixel) const;
  void add_interleaved(WorkBlock& block, std::size_t slot);
  /// Fill the times of interleaved event k. @param shift as calibrate() has it for the event
  void keep_times(WorkBlock& block, std::size_t k, std::span<const double> shift) const;
  void fill_header(WorkBlock& block, std::size_t event);
  /// Mark the pixels of an event that calibrate() fills from their neighbours; true if any.
  bool mark_invalid(const WorkBlock& block, std::size_t event,
                    std::span<std::uint8_t> invalid) const;
  /// Factor of the charges of a gain.
  [[nodiscard]] double charge_scale(const RawEvent& event, std::size_t gain) const;
  /// Decide by the heuristic whether an event is a flat-field.
  void tag_flatfield(WorkBlock& block, std::size_t event);
  /// Fill `shift` for an event, [gain][pixel] of two gains or [pixel] of the selected ones.
  void remove_median(std::span<double> shift, std::vector<double>& sorted) const;

  R0Source* source_;
  CalibrationConstants constants_;
  const instrument::CameraGeometry* geometry_;
  double sampling_rate_;
  CalibrationOptions options_;
  /// Rounded to float, and stored so: GCC 12 may drop a rounding of two doubles to float and back.
  float charge_scale_[n_gains];
  Drs4Corrector drs4_;
  TimeShifts shifts_;
  InterleavedStatistics statistics_;
  std::shared_ptr<const std::vector<std::uint8_t>> first_failing_, failing_;
  std::size_t failing_of_rows_ = 1;
  std::size_t next_sequence_ = 0;
  Counters counters_;
  std::vector<std::uint8_t> masked_;    ///< scratch of add_interleaved, [gain][pixel]
  std::vector<double> shift_, sorted_;  ///< the same
};

}  // namespace alisio::calib
