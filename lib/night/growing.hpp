#pragma once
#include <filesystem>
#include <set>
#include <string>

#include "lib/night/catalogue.hpp"

/// Which raw files are written still, while the telescope observes.
namespace alisio::night {

/// The last run is over, and what grows with it stands still, when nothing has come for so many
/// times as a subrun takes to settle.
inline constexpr double quiet_settlings = 10;

/// Tell whether all that the headers of a FITS file announce is there.
[[nodiscard]] bool is_whole_fits(const std::filesystem::path& file);

/// Tell whether a subrun is complete, though none follows it: all of its files have been unchanged
/// for `settle_s` seconds and are whole FITS files. A file that is not whole after so long that
/// nobody can be writing it (ten times that, at least ten minutes) is left to its job, which says
/// what is wrong with it.
/// @param now_unix_s present time, s; a file that is younger than now by the clock of its server
///        is judged by its content alone.
[[nodiscard]] bool has_settled(const SubrunFiles& subrun, double settle_s, double now_unix_s);

/// What of a catalogue is not to be relied on yet.
struct Growing {
  int subruns = 0;     ///< taken out of it: they are being written
  std::set<int> runs;  ///< of which more subruns may come
};

/// Take the subruns out of a catalogue that may be growing: the last of each run, unless it has
/// settled; of runs that a later one follows, the files need only be whole. Each leaves a note.
/// More may come of a run while one of its subruns is being written, and of the last run until its
/// last files are as they are for ten times `settle_s`.
[[nodiscard]] Growing leave_out_growing(Catalogue& catalogue, double settle_s, double now_unix_s);

}  // namespace alisio::night
