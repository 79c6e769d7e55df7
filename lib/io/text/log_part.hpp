#pragma once
#include <filesystem>
#include <string>
#include <vector>

/// The part of a drive log, or of the bending log beside it, that pointings of a span of time are
/// interpolated from. Such a log grows all night, and what was made with a part of it stays right.
namespace alisio::text {

/// What a log says, by time.
struct LogSamples {
  std::vector<double> time;  ///< UTC unix, s, ascending
  /// deg: azimuth and zenith angle, or what is to be added to them
  std::vector<double> azimuth, zenith;
};

/// Read a drive log or a bending log, whichever the name says.
/// @throws Error(missing_input), Error(bad_input) naming file and line.
[[nodiscard]] LogSamples read_log_samples(const std::filesystem::path& file);

/// Return a text that stands for the samples from the last one at or before `from` to the first one
/// after `to` (UTC unix, s): "span <from> <to> <hash>".
[[nodiscard]] std::string log_part(const LogSamples& log, double from, double to);

/// Return the text of the same span as another's, of the samples as they are now.
[[nodiscard]] std::string log_part_like(const LogSamples& log, const std::string& other);

/// Tell whether a text is what log_part() gives.
[[nodiscard]] bool is_log_part(const std::string& text);

}  // namespace alisio::text
