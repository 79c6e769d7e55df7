#pragma once
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "lib/night/catalogue.hpp"
#include "lib/night/decision.hpp"
#include "lib/night/notify.hpp"
#include "lib/night/seal.hpp"

/// Raw files that came after their night was closed: nothing processes them, so it must be said.
namespace alisio::night {

/// Subruns by run, ascending.
using LateSubruns = std::map<int, std::vector<int>>;

/// Return the subruns of data runs that have raw files now and had none when a seal was made, or
/// such as could not be processed and have changed since.
/// @param decisions that stand: what operators left out is not late
[[nodiscard]] LateSubruns subruns_after_closing(const Catalogue& catalogue, const Seal& seal,
                                                const std::vector<Decision>& decisions);

/// Return one line, empty if there are none: "raw files of 3 subruns came after the closing (run
/// 11221: 0000-0002)".
[[nodiscard]] std::string late_raw_text(const LateSubruns& late);

/// Compare the raw files of a closed night with its seal. Raw data or a seal that cannot be read
/// are no reason to fail: nothing is late then.
[[nodiscard]] LateSubruns late_raw_files(State& state, const ClosingRecord& closing,
                                         const std::filesystem::path& r0,
                                         const std::filesystem::path& run_summaries);

/// Say what came late to `out`, in the state for those who look on, and to those who are to be
/// notified. Of a night without late files, what was said before is taken back.
/// @param to_do what lets them be processed, in words
void tell_of_late_raw(State& state, const ClosingRecord& closing, const LateSubruns& late,
                      const std::string& to_do, const NotifyOptions& notifications,
                      std::ostream& out);

}  // namespace alisio::night
