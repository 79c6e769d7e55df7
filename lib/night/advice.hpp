#pragma once
#include <string>

#include "lib/night/state.hpp"

namespace alisio::night {

/// Return an advice whose commands can be run as they stand: with the run or subrun that it is
/// about, the date, and where a command needs one, a place for the reason.
/// @param night_words date and options that name the night: "20240215 --config alisio.yaml"; empty:
///        only the places are filled in
[[nodiscard]] std::string runnable_advice(std::string advice, const JobKey& job,
                                          const std::string& night_words);

}  // namespace alisio::night
