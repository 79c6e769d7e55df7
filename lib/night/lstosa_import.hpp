#pragma once
#include <filesystem>
#include <iosfwd>

#include "lib/config/configuration.hpp"
#include "lib/night/closing.hpp"
#include "lib/night/lstosa_history.hpp"
#include "lib/night/night.hpp"

namespace alisio::night {

/// Which night of LSTOSA is taken in. The caller holds its lock.
struct LstosaImportRequest {
  NightKey key;
  const config::Configuration& configuration;
  const NightServices& services;
  std::filesystem::path config_file;
};

/// What was taken in.
struct LstosaImport {
  LstosaNight night;
  ClosingResult closing;
};

/// Record the subruns that LSTOSA finished as done, with the hashes of their products, and close
/// the night under a seal: passes leave it alone until it is reopened.
/// @throws Error(usage) if the night is closed or this program made something of it,
///         Error(missing_input) if there are no histories.
[[nodiscard]] LstosaImport import_lstosa_night(const LstosaImportRequest& request);

/// Print what was taken in. @return the exit code
int print_import(const LstosaImport& imported, std::ostream& out);

}  // namespace alisio::night
