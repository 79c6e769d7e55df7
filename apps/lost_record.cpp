#include "apps/lost_record.hpp"

#include <fmt/format.h>

#include "apps/provenance_setup.hpp"
#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/night/decision_journal.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/lost_record.hpp"
#include "lib/night/program_output.hpp"
#include "lib/night/seal.hpp"
#include "lib/night/tree_owner.hpp"

namespace alisio::apps {
namespace fs = std::filesystem;
namespace {

/// Thousands of journals on a slow disk take minutes.
constexpr double patience_s = 1800;

}  // namespace

void take_up_lost_record(const night::NightOptions& options,
                         const config::Configuration& configuration, const Program& program) {
  if (options.plan || options.dry_run) return;
  const night::NightKey key = night::night_key(configuration, options.date, options.prod_id);
  const fs::path products = configuration.path("paths.products");
  // Where nothing was made, nothing was forgotten, and no state is made for a mistyped date.
  if (!fs::exists(night::production_folder(products, "DL1", key)) &&
      !fs::exists(night::seal_folder(products, key.telescope, key.prod_id)))
    return;
  const fs::path folder = configuration.path("paths.state");
  night::require_own_products(products, folder);
  night::State state = night::State::open(folder);
  const int forgotten = night::restore_decisions(
      state, key, night::read_decisions(products, key, load_logger(program.cfg_folder)));
  if (forgotten > 0)
    spdlog::warn(
        "{}: the state knew nothing of {} decision{} of operators; what their journal says "
        "holds",
        key.date.iso(), forgotten, forgotten == 1 ? "" : "s");
  const auto found = night::forgotten_work(state, key, products);
  if (!found) return;
  const std::string night = fmt::format("night {}, production {}", key.date.iso(), key.prod_id);
  spdlog::warn("{}: the state knows nothing of {}; it is made anew from the journals and seals",
               night, found->string());
  std::vector<std::string> words{program.executable.string(), "state",     "rebuild",
                                 key.date.compact(),          "--prod-id", key.prod_id};
  if (!options.config_file.empty())
    words.insert(words.end(), {"--config", options.config_file.string()});
  const night::ProgramOutput output = night::run_program(words, patience_s);
  // Products that are not as recorded are named there, and made again by the pass.
  if (output.exit_code == 0 || output.exit_code == exit_code(ErrorKind::incomplete)) return;
  const auto end = output.err.find_last_not_of('\n');
  throw Error(ErrorKind::resource,
              "what was done of it is not on record, and cannot be read from the disk: " +
                  (end == std::string::npos ? "it took too long" : output.err.substr(0, end + 1)),
              night, "`alisio state rebuild` says more; nothing was touched");
}

}  // namespace alisio::apps
