#pragma once
#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "lib/night/plan.hpp"

namespace alisio::night {

/// Which jobs of a plan can start now, kept up to date as planning decides anew, so that a night of
/// ten thousand jobs is not walked through for each of them.
class Agenda {
 public:
  Agenda() = default;
  explicit Agenda(const NightPlan& plan);

  /// Take note of jobs that were decided anew.
  void update(const NightPlan& plan, const std::vector<std::size_t>& positions);

  /// Return the positions of the jobs that can start, makers before readers.
  /// @param ahead those too that only wait for the products of jobs under way, if what these come
  /// to cannot change what they are made of
  [[nodiscard]] std::vector<std::size_t> ready(const NightPlan& plan, bool ahead = false) const;
  /// Return how many processes are still to be started, as far as is known.
  [[nodiscard]] int to_start() const { return static_cast<int>(to_start_.size()); }
  /// True while a product of a run may still come or change.
  [[nodiscard]] bool is_open(int run) const;
  /// Jobs that tell of all others.
  [[nodiscard]] const std::vector<std::size_t>& last() const { return last_; }

 private:
  void note(const NightPlan& plan, std::size_t position);

  std::set<std::size_t> ready_, ahead_, to_start_;
  std::vector<bool> pending_;      ///< by position
  std::map<int, int> pending_of_;  ///< by run
  std::size_t pending_count_ = 0;
  std::vector<std::size_t> last_;
};

}  // namespace alisio::night
