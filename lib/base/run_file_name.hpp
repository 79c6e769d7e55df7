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
  std::string kind;              ///< "dl1", "drs4_pedestal"; empty for raw data
  std::optional<int> telescope;  ///< its number
  std::optional<int> stream;     ///< of raw data
  int run = 0;
  std::optional<int> subrun;  ///< none: of a whole run
  std::string ending;         ///< all that follows, ".fits.fz"

  [[nodiscard]] bool ends_in_any_of(std::initializer_list<std::string_view> endings) const;
  /// Tell whether it is raw data of a telescope, whatever stands before ".fits.fz".
  [[nodiscard]] bool is_raw_data_of(int telescope_number) const;
};

/// Return what a file's name tells; nothing if it tells no run. Numbers may be padded or not and
/// have up to nine digits.
[[nodiscard]] std::optional<RunFileName> parse_run_file_name(const std::filesystem::path& file);

}  // namespace alisio
