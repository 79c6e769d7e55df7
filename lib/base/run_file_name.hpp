#pragma once
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace alisio {

/// What the name of a file of one run tells. The observatory and lstchain name them
///     LST-1.1.Run02008.0000.fits.fz     raw data: telescope, stream, run, subrun
///     dl1_LST-1.Run02008.0000.h5        what is made of them; of whole runs without a subrun
///     drs4_pedestal.Run02005.0000.h5    constants, which tell no telescope
///     pedestal_ids_Run02008.0000.h5
struct RunFileName {
  std::string
      kind;  ///< "dl1", "drs4_pedestal", without the '_' or '.' after it; empty for raw data
  std::optional<int> telescope;  ///< its number
  std::optional<int> stream;     ///< of raw data
  int run = 0;
  std::optional<int> subrun;  ///< none: of a whole run
  std::string ending;         ///< all that follows, ".fits.fz"
  /// The subrun, if there is one, has four digits and the run at most six, as the observatory
  /// writes them: what else looks like them, a date for example, must not count as numbers.
  bool has_usual_digits = false;

  [[nodiscard]] bool ends_in_any_of(std::initializer_list<std::string_view> endings) const;
  /// Tell whether it is made of raw data: of a telescope, and of all its streams.
  [[nodiscard]] bool is_product() const { return telescope && !stream; }
  /// Tell whether it is raw data of a telescope, whatever stands before ".fits.fz".
  [[nodiscard]] bool is_raw_data_of(int telescope_number) const;
};

/// Return what a file's name tells; nothing if it tells no run. Numbers of runs and subruns may be
/// padded or not and have up to nine digits. What does not name a telescope just so, "LST-1." or
/// "LST-1.4." before the run, tells none: a hidden or renamed copy must not count as the file.
[[nodiscard]] std::optional<RunFileName> parse_run_file_name(const std::filesystem::path& file);

}  // namespace alisio
