#include "lib/pipeline/dl2_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/event/event_type.hpp"
#include "lib/io/hdf5/file.hpp"
#include "lib/pipeline/assumed_position_table.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl2_events.hpp"
#include "lib/pipeline/dl2_file.hpp"
#include "reco/dl3/assumed_positions.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t rows_at_once = 200'000;
constexpr double degree = std::numbers::pi / 180;

/// Columns that are needed of every event, each once.
std::set<std::string> needed_columns(const dl3::EventRanges& ranges) {
  std::set<std::string> names{"event_type", "delta_t"};
  names.insert(dl3::event_list_columns().begin(), dl3::event_list_columns().end());
  for (const dl3::EventRange& range : ranges.ranges) names.insert(range.column);
  return names;
}

/// Reads the events of a file in pieces, as seen from one assumed position after the other if there
/// are such.
class PieceReader {
 public:
  PieceReader(const hdf5::File& file, const dl3::EventRanges& ranges, const fs::path& path)
      : shared_(file) {
    std::set<std::string> names = needed_columns(ranges);
    if (file.exists(dl2_source_dependent_path)) {
      dependent_.emplace(file, dl2_source_dependent_path);
      positions_ = assumed_positions_of(*dependent_);
      if (positions_.empty() || dependent_->row_count() != shared_.row_count())
        throw Error(ErrorKind::bad_input,
                    "its source-dependent table tells no alpha, or not of all events",
                    path.string(), "make the DL2 again");
      std::ranges::sort(positions_);
      names.insert(dl3::assumed_position_columns().begin(), dl3::assumed_position_columns().end());
      names.erase("position");
    }
    for (const std::string& column : ranges.finite)
      if (shared_.has_column(column)) names.insert(column);
    for (const std::string& name : names)
      (is_of_position(name) ? of_position_ : of_event_).push_back(name);
  }

  [[nodiscard]] const Dl2EventReader& shared() const { return shared_; }
  [[nodiscard]] const std::vector<std::string>& positions() const { return positions_; }

  /// Return rows [first, first + n), once for each assumed position, or once.
  [[nodiscard]] std::vector<dl3::Events> read(std::uint64_t first, std::size_t n) const {
    std::vector<dl3::Events> views{shared_.read(first, n, of_event_)};
    if (!dependent_) return views;
    views.resize(positions_.size(), views.front());
    const hdf5::Rows rows = dependent_->read(first, n);
    for (std::size_t position = 0; position < positions_.size(); ++position) {
      dl3::Events& view = views[position];
      for (const std::string& name : of_position_)
        rows.column_into(column_of_position(positions_[position], name), view.columns[name]);
      view.columns["position"].assign(view.n, double(position));
    }
    return views;
  }

 private:
  [[nodiscard]] bool is_of_position(const std::string& name) const {
    return dependent_ && dependent_->has_column(column_of_position(positions_.front(), name));
  }

  Dl2EventReader shared_;
  std::optional<hdf5::TableReader> dependent_;
  std::vector<std::string> positions_, of_event_, of_position_;
};

void check_table(const Dl2EventReader& reader, const fs::path& file) {
  if (reader.has_column("mc_energy"))
    throw Error(ErrorKind::bad_input, "holds Monte Carlo events, which have neither time nor sky",
                file.string(), "give DL2 of an observation; Monte Carlo is for alisio irf");
  for (const char* column : {"dragon_time", "delta_t"})
    if (!reader.has_column(column))
      throw Error(ErrorKind::bad_input,
                  fmt::format("tells no times of its events: it has no column '{}'", column),
                  file.string(), "make the DL2 again from DL1 with dragon_time");
}

/// The collector of what the files hold, piece by piece.
class Collector {
 public:
  /// @param positions assumed for the source; may be empty
  Collector(const dl3::EventRanges& ranges, std::vector<std::string> positions)
      : ranges_(ranges), columns_(dl3::event_list_columns()) {
    if (!positions.empty())
      columns_.insert(columns_.end(), dl3::assumed_position_columns().begin(),
                      dl3::assumed_position_columns().end());
    for (const std::string& name : columns_) run_.selected.columns[name];
    run_.positions = std::move(positions);
  }

  [[nodiscard]] const std::vector<std::string>& positions() const { return run_.positions; }

  /// @param views the same events, as seen from each assumed position
  void add(const std::vector<dl3::Events>& views) {
    add_pointing(views.front());
    add_showers(views.front());
    for (const dl3::Events& view : views) add_selected(view);
    run_.rows += views.front().n;
  }

  Dl2Run finish(const fs::path& where) {
    if (run_.time_unix_s.empty())
      throw Error(ErrorKind::bad_input,
                  fmt::format("none of its {} events is a shower with a time", run_.rows),
                  where.string(), "leave the run out");
    if (first_.n == 0)
      throw Error(ErrorKind::bad_input, "the pointing of its events is not known", where.string(),
                  "make DL1 again with a drive log");
    sort_showers(where);
    sort_selected();
    run_.zenith_deg = 90 - altitude_sum_ / double(pointed_);
    run_.azimuth_deg = azimuth_.mean();
    run_.without_pointing = run_.rows - pointed_;
    run_.pointings = first_;
    if (last_.column("dragon_time") != first_.column("dragon_time")) run_.pointings.append(last_);
    run_.pointing_at_start = {first_.column("alt_tel")[0], first_.column("az_tel")[0]};
    return std::move(run_);
  }

 private:
  void add_selected(const dl3::Events& view) {
    const auto &time = view.column("dragon_time"), &altitude = view.column("alt_tel"),
               &azimuth = view.column("az_tel");
    std::vector<std::size_t> rows = rows_inside(view, ranges_);
    std::erase_if(rows, [&](std::size_t row) {
      return !std::isfinite(time[row]) || !is_pointing(altitude[row], azimuth[row]);
    });
    run_.selected.append(reduced(view, rows));
  }

  dl3::Events reduced(const dl3::Events& piece, const std::vector<std::size_t>& rows) const {
    dl3::Events few;
    few.n = rows.size();
    for (const std::string& name : columns_) {
      const std::vector<double>& from = piece.column(name);
      std::vector<double>& to = few.columns[name];
      to.reserve(rows.size());
      for (const std::size_t row : rows) to.push_back(from[row]);
    }
    return few;
  }

  /// DL1 to DL2 puts -90 deg where the pointing is not known at all.
  static bool is_pointing(double altitude, double azimuth) {
    return std::isfinite(azimuth) && altitude > 0;
  }

  void add_pointing(const dl3::Events& piece) {
    const auto &altitude = piece.column("alt_tel"), &azimuth = piece.column("az_tel");
    for (std::size_t i = 0; i < piece.n; ++i) {
      if (!is_pointing(altitude[i], azimuth[i])) continue;
      altitude_sum_ += altitude[i] / degree;
      azimuth_.add(azimuth[i] / degree);
      ++pointed_;
    }
  }

  void add_showers(const dl3::Events& piece) {
    const auto &time = piece.column("dragon_time"), &delta = piece.column("delta_t"),
               &type = piece.column("event_type"), &id = piece.column("event_id"),
               &altitude = piece.column("alt_tel"), &azimuth = piece.column("az_tel");
    for (std::size_t i = 0; i < piece.n; ++i) {
      if (!std::isfinite(time[i])) ++run_.without_time;
      if (type[i] != double(EventType::subarray) || !std::isfinite(time[i])) continue;
      run_.time_unix_s.push_back(time[i]);
      run_.delta_s.push_back(delta[i]);
      ids_.push_back(id[i]);
      if (!is_pointing(altitude[i], azimuth[i])) continue;
      if (first_.n == 0 || time[i] < first_.column("dragon_time")[0]) first_ = reduced(piece, {i});
      if (last_.n == 0 || time[i] > last_.column("dragon_time")[0]) last_ = reduced(piece, {i});
    }
  }

  void sort_showers(const fs::path& where) {
    auto& time = run_.time_unix_s;
    std::vector<std::size_t> order(time.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto before = [&](std::size_t a, std::size_t b) {
      return time[a] != time[b] ? time[a] < time[b] : ids_[a] < ids_[b];
    };
    if (!std::ranges::is_sorted(order, before)) std::ranges::sort(order, before);
    for (std::size_t i = 1; i < order.size(); ++i)
      if (time[order[i]] == time[order[i - 1]] && ids_[order[i]] == ids_[order[i - 1]])
        throw Error(ErrorKind::bad_input, fmt::format("event {} is there twice", ids_[order[i]]),
                    where.string(), "give the file of the run or those of its subruns, not both");
    const auto sorted = [&](const std::vector<double>& values) {
      std::vector<double> out;
      out.reserve(values.size());
      for (const std::size_t row : order) out.push_back(values[row]);
      return out;
    };
    run_.delta_s = sorted(run_.delta_s);
    run_.time_unix_s = sorted(time);
  }

  void sort_selected() {
    const auto &time = run_.selected.column("dragon_time"), &id = run_.selected.column("event_id");
    std::vector<std::size_t> order(run_.selected.n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto before = [&](std::size_t a, std::size_t b) {
      return time[a] != time[b] ? time[a] < time[b] : id[a] < id[b];
    };
    if (std::ranges::is_sorted(order, before)) return;
    // The views of an event stay in the order of their positions.
    std::ranges::stable_sort(order, before);
    run_.selected = run_.selected.select(order);
  }

  const dl3::EventRanges& ranges_;
  std::vector<std::string> columns_;  ///< that are kept of selected events
  Dl2Run run_;
  std::vector<double> ids_;
  dl3::Events first_, last_;  ///< showers with a pointing
  double altitude_sum_ = 0;
  dl3::AngleMean azimuth_{360};
  std::uint64_t pointed_ = 0;
};

}  // namespace

Dl2Run read_dl2_run(const std::vector<fs::path>& files, const dl3::EventRanges& ranges) {
  std::optional<Collector> collector;
  double focal_length = 0;
  for (const fs::path& path : files) {
    const hdf5::File file = hdf5::File::open(path);
    const PieceReader reader(file, ranges, path);
    check_table(reader.shared(), path);
    if (!collector) {
      collector.emplace(ranges, reader.positions());
      focal_length = effective_focal_length(file, 0);
    }
    if (reader.positions() != collector->positions())
      throw Error(
          ErrorKind::bad_input,
          fmt::format("was not made for the source positions of {}", files.front().string()),
          path.string(), "make the DL2 of the run again, with one configuration");
    const std::uint64_t total = reader.shared().row_count();
    for (std::uint64_t first = 0; first < total; first += rows_at_once) {
      throw_if_interrupted();
      collector->add(
          reader.read(first, std::size_t(std::min<std::uint64_t>(rows_at_once, total - first))));
    }
  }
  Dl2Run run = collector->finish(files.front());
  run.focal_length = focal_length;
  return run;
}

}  // namespace alisio::pipeline
