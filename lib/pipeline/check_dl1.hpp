#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lib/event/event_block.hpp"
#include "lib/io/hdf5/table.hpp"
#include "lib/pipeline/muon_file.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "reco/check/accumulator.hpp"

namespace alisio::pipeline {

/// Return a block's events as the data check takes them; they live as long as the block.
[[nodiscard]] check::Events events_of(const EventBlock& block);

/// What the data check needs of some rows of a DL1 parameters table; used again for the next ones.
struct CheckColumns {
  std::vector<std::int64_t> event_id;  ///< [event], as all below
  std::vector<double> dragon_time, ucts_time, tib_time, alt_tel, az_tel;
  std::vector<std::uint8_t> type_number, trigger_type, ucts_trigger_type, ucts_jump;
  std::vector<EventType> event_type;

  /// @throws Error(bad_input) if a column is missing.
  void read(const hdf5::Rows& rows, bool has_jumps);
  /// Return the events with their images; all live as long as what they are made of.
  [[nodiscard]] check::Events events(std::span<const ImageParameters> parameters,
                                     std::span<const float> image,
                                     std::span<const float> peak_time) const;
};

/// Put what is known of the muon rings of a subrun into its summary: how many are good, how many of
/// them contained(), and the mean efficiency of these.
void add_muons(check::SubrunSummary& summary, const MuonTable& muons);

/// Count the pixels that the calibration calls unusable among the unusable ones of the summary, see
/// check::unusable_pixels(). @param unusable [pixel], nonzero: unusable; empty: not known
void add_calibration(check::SubrunCheck& check, std::span<const std::uint8_t> unusable);

/// Judge the check of a subrun by `gates.data`, write it and publish it as `dl1_datacheck`.
/// @param configuration_json of the DL1 that was checked
void publish_check(stage::StageRun& run, const std::filesystem::path& target,
                   const check::SubrunCheck& check, const std::string& configuration_json,
                   const config::Configuration& configuration);

/// What one check_dl1 job is told.
struct CheckDl1Request {
  std::filesystem::path input;  ///< a DL1 file with images, ours or lstchain's
  std::filesystem::path output_dir;
  std::filesystem::path muons;  ///< muon file of the subrun; empty: its rings are not known
  int threads = 1;
  /// Called now and then with the number of events done and of all.
  std::function<void(std::int64_t, std::int64_t)> progress;
};

[[nodiscard]] ActivityNote check_dl1_activity(const CheckDl1Request& request,
                                              const JobContext& context,
                                              const config::Configuration& configuration);

/// Make the data check of one DL1 file: what r0_to_dl1 and dl1ab write in the pass that makes the
/// file. Images are read in blocks: memory does not grow with the file.
/// @return the number of events.
/// @throws Error(missing_input, bad_input, resource): no DL1, no images, no events.
std::int64_t check_dl1(stage::StageRun& run, const CheckDl1Request& request,
                       const config::Configuration& configuration,
                       const instrument::Telescope& telescope);

}  // namespace alisio::pipeline
