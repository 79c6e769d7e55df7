#include "lib/night/discard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/night/folders.hpp"
#include "lib/night/lock.hpp"

namespace alisio::night {
namespace fs = std::filesystem;
namespace {

/// A product of a subrun, as its maker recorded it.
struct Product {
  fs::path file;
  std::string sha256;
};

std::vector<Product> products_of(State& state, const NightKey& night, int run, int subrun) {
  sqlite::Statement query = state.database().prepare(
      "SELECT job_file.path, job_file.sha256 FROM job "
      "JOIN job_file ON job_file.job = job.id AND output = 1 "
      // Gain-selected raw data serve all productions.
      "WHERE telescope = ? AND date = ? AND prod_id = ? AND run = ? AND subrun = ? "
      "AND stage <> 'gain_select' ORDER BY job_file.path");
  query.bind(night.telescope, night.date.compact(), night.prod_id, run, subrun);
  std::vector<Product> products;
  while (query.step()) products.push_back({query.text(0), query.text(1)});
  return products;
}

/// The name of a product while its subrun is discarded: no pattern of readers ends like it.
fs::path name_aside(const fs::path& file, const Decision& discard) {
  std::string instant = discard.at.substr(0, 19);
  std::erase_if(instant, [](char c) { return c == '-' || c == ':'; });
  return file.string() + ".discarded-" + instant;
}

/// @throws Error(usage) if a product is of another tree than `products`.
void require_here(const std::vector<Product>& made, const fs::path& products) {
  for (const Product& product : made)
    if (!stands_in(product.file, products))
      throw Error(ErrorKind::usage,
                  "its products are recorded in another tree than " + products.string(),
                  product.file.string(),
                  "the state is a copy, or paths.products has changed: process the night here "
                  "first, or decide where they are");
}

/// Return where the content of a product was set aside; nothing if it is not there. Set aside more
/// than once, the name alone does not tell which.
std::optional<fs::path> find_aside(const Product& product, const Decision& discard) {
  const fs::path first = name_aside(product.file, discard);
  std::error_code ignored;
  std::optional<fs::path> last;
  for (int number = 1;; ++number) {
    const fs::path aside =
        number == 1 ? first : fs::path(fmt::format("{}-{}", first.string(), number));
    if (!fs::exists(aside, ignored)) return last;
    last = aside;
    if (hash_file(aside) == product.sha256) return last;
  }
}

std::vector<Product> existing(std::vector<Product> products) {
  std::erase_if(products, [](const Product& product) {
    std::error_code ignored;
    return !fs::exists(product.file, ignored);
  });
  return products;
}

/// Take the right to change names of products of a night.
NightLock lock_names(State& state, const NightKey& night) {
  constexpr int patience_s = 60;
  const fs::path file = state.database().file().parent_path() /
                        fmt::format("{}_{}_{}.names.lock", telescope_text(night.telescope),
                                    night.date.compact(), night.prod_id);
  return NightLock::wait(file, patience_s, "its products are being renamed", "say it again");
}

void rename_file(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  if (failed)
    throw Error(ErrorKind::resource, "cannot be renamed: " + failed.message(), from.string(),
                "mend the permissions of its folder, then say it again");
}

}  // namespace

std::vector<fs::path> set_aside_discarded(State& state, const NightKey& night,
                                          const fs::path& products,
                                          const InvalidationRecorder& record) {
  std::vector<fs::path> names;
  const fs::path log = production_folder(products, "DL1", night) / "log";
  const std::vector<ProcessRecord> processes = state.unfinished_processes(night);
  const auto is_in_the_making = [&](int run, int subrun) {
    return std::any_of(processes.begin(), processes.end(), [&](const ProcessRecord& process) {
      return std::any_of(process.jobs.begin(), process.jobs.end(),
                         [&](const JobKey& key) { return key.run == run && key.subrun == subrun; });
    });
  };
  for (const Decision& decision : standing_decisions(state, night)) {
    if (decision.kind != DecisionKind::discard || is_in_the_making(decision.run, decision.subrun))
      continue;
    std::vector<Product> made = existing(products_of(state, night, decision.run, decision.subrun));
    if (made.empty()) continue;
    require_here(made, products);
    // A pass and the command may come to it at once; who comes later finds nothing left.
    const NightLock lock = lock_names(state, night);
    made = existing(std::move(made));
    for (const Product& product : made) {
      std::error_code ignored;
      fs::path aside = name_aside(product.file, decision);
      for (int number = 2; fs::exists(aside, ignored); ++number)
        aside = fmt::format("{}-{}", name_aside(product.file, decision).string(), number);
      // Recorded first: a name that changed without a record would be a riddle.
      if (record)
        record({.file = product.file,
                .sha256 = product.sha256,
                .kept_as = aside,
                .data_root = products,
                .log = log,
                .reason = decision.reason,
                .author = decision.author,
                // Not the decision's: it may have come before the product did.
                .at = utc_now_text()});
      rename_file(product.file, aside);
      names.push_back(std::move(aside));
    }
  }
  return names;
}

std::vector<fs::path> bring_back(State& state, const NightKey& night, const fs::path& products,
                                 const Decision& discard, const std::string& reason,
                                 const std::string& author, const InvalidationRecorder& record) {
  std::vector<fs::path> names;
  const std::vector<Product> made = products_of(state, night, discard.run, discard.subrun);
  require_here(made, products);
  const NightLock lock = lock_names(state, night);
  for (const Product& product : made) {
    const std::optional<fs::path> aside = find_aside(product, discard);
    std::error_code ignored;
    if (!aside || fs::exists(product.file, ignored)) continue;
    // Recorded first, as when it was set aside: what is stopped in between is done again.
    if (record)
      record({.file = product.file,
              .sha256 = product.sha256,
              .kept_as = {},
              .data_root = products,
              .log = production_folder(products, "DL1", night) / "log",
              .reason = reason,
              .author = author,
              .at = utc_now_text(),
              .taken_back = true});
    rename_file(*aside, product.file);
    names.push_back(product.file);
  }
  return names;
}

}  // namespace alisio::night
