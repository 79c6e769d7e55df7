#pragma once
#include <iosfwd>
#include <optional>
#include <string>

#include "lib/night/status.hpp"

namespace alisio::night {

/// What of a night is told.
struct StatusScope {
  std::optional<int> run, subrun;  ///< nothing: all
  bool why = false;                ///< the last lines of the logs too
  std::string worker;              ///< who processes the night now; empty: nobody
  std::string night_words;         ///< that name the night to a command, for advices
  std::string pause;               ///< why nothing starts now; empty: it may
};

/// Print how a night stands, on one screen: how far it is, its runs, what is missing, what failed,
/// as what it is known, and what to do.
void print_status(const NightStatus& status, const StatusScope& scope, std::ostream& out);

}  // namespace alisio::night
