#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "lib/night/night.hpp"

namespace alisio::night {

/// Nights to be processed one after another, by hand.
struct ReprocessRequest {
  std::vector<NightDate> dates;
  NightOptions options;  ///< of every night; its date is not looked at
  /// Called after each night that was processed, for what is to follow it.
  std::function<void(const NightDate&)> after_night;
};

/// Process nights one after another. One that fails does not stop the others; a night without raw
/// data is passed over, so is one that is closed: it counts as done unless something is missing of
/// it or to be made again. The end is a table of the nights (JSON if asked).
/// @returns the exit code: 0 if all are done, 7 if one is not, 4 if none has raw data; if none
///          could be processed, and all for errors of one kind, that kind's.
/// @throws Error(interrupted) after SIGINT or SIGTERM, when the table has been printed.
[[nodiscard]] int reprocess(const ReprocessRequest& request,
                            const config::Configuration& configuration,
                            const NightServices& services, std::ostream& out);

}  // namespace alisio::night
