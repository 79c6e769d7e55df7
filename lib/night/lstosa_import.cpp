#include "lib/night/lstosa_import.hpp"

#include <fmt/format.h>

#include <ostream>

#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/base/version.hpp"
#include "lib/night/file_hashes.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/show_records.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

constexpr const char* made_by = "made by LSTOSA";

/// A night of which this program made something is not LSTOSA's. One whose import was interrupted
/// is.
void refuse_own_night(State& state, const NightKey& key) {
  const std::optional<ClosingRecord> closing = state.closing(key);
  if (closing && closing->closed())
    throw Error(ErrorKind::usage, closed_text(*closing), key.date.iso(), "alisio reopen opens it");
  for (const auto& [job, record] : state.snapshot(key).jobs)
    if (record.message != made_by)
      throw Error(ErrorKind::usage, "this program made jobs of this production", key.prod_id,
                  "check --prod-id");
}

Seal draft_seal(const LstosaNight& night, const NightKey& key, const ClosingPolicy& policy) {
  Seal seal;
  seal.key = key;
  seal.author = account_name();
  seal.reason = made_by;
  seal.program =
      fmt::format("LSTOSA, sealed by alisio {} {}", build_info().version, build_info().commit);
  seal.root = policy.products;
  seal.found = night.found;
  seal.products = night.products;
  return seal;
}

/// What closing asks of a night that was not planned here.
NightSetup setup_of(const NightKey& key, const ClosingPolicy& policy) {
  NightSetup setup;
  setup.key = key;
  setup.folders.dl1 = production_folder(policy.products, "DL1", key);
  return setup;
}

}  // namespace

LstosaImport import_lstosa_night(const LstosaImportRequest& request) {
  const fs::path state_folder = request.configuration.path("paths.state");
  ClosingPolicy policy = closing_policy(request.configuration);
  policy.lstosa_flags = false;  // it has its own
  State state = State::open(state_folder);
  refuse_own_night(state, request.key);
  LstosaImport imported;
  imported.night = read_lstosa_night(policy, request.key, [&](const fs::path& file) {
    return hashes_of_file(request.services, file.string());
  });
  if (imported.night.jobs.empty())
    throw Error(ErrorKind::missing_input,
                fmt::format("nothing of this night is done: {} histories and no DL1 to them",
                            imported.night.histories.size()),
                production_folder(policy.products, "DL1", request.key).string(),
                "check paths.products, paths.running_analysis and --prod-id: is the disk mounted?");
  state.restore_night(request.key, imported.night.jobs, {}, {});

  const NightSetup setup = setup_of(request.key, policy);
  StateSnapshot snapshot;
  PlanSettings settings;
  settings.stages = stage_facts(request.configuration);
  imported.closing = close_foreign_night({.setup = setup,
                                          .snapshot = snapshot,
                                          .state = state,
                                          .settings = settings,
                                          .services = request.services,
                                          .policy = policy,
                                          .config_file = request.config_file,
                                          .state_folder = state_folder,
                                          .merge_faults = {}},
                                         draft_seal(imported.night, request.key, policy));
  show_records(state, request.key, policy.products, imported.night.jobs, imported.night.found);
  return imported;
}

int print_import(const LstosaImport& imported, std::ostream& out) {
  out << fmt::format("{} subruns are done by LSTOSA; ", imported.night.jobs.size());
  return print_closing(imported.closing, imported.closing.seal.key, false, out);
}

}  // namespace alisio::night
