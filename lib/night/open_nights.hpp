#pragma once
#include <vector>

#include "lib/base/ids.hpp"
#include "lib/config/configuration.hpp"

namespace alisio::night {

/// Return the nights before another one, by at most daemon.look_back_days, that are on record as
/// open: something of them is not done, or they are to be closed. The latest first.
[[nodiscard]] std::vector<NightDate> open_nights_before(const NightDate& last,
                                                        const config::Configuration& configuration);

}  // namespace alisio::night
