#include "lib/pipeline/datacheck_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "lib/base/error.hpp"
#include "lib/base/ids.hpp"
#include "lib/base/log.hpp"
#include "lib/base/run_file_name.hpp"
#include "lib/pipeline/cut.hpp"
#include "lib/pipeline/data_quality.hpp"
#include "lib/pipeline/datacheck_layout.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/parts.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

using check::ClassCheck;
using check::EventClass;
using check::SubrunSummary;

constexpr const char* lstchain_group = "/dl1datacheck";
constexpr const char* own_group = "/alisio/datacheck";
constexpr const char* summary_path = "/alisio/datacheck/summary";
constexpr const char* tag_path = "/dl1datacheck/used_trigger_tag";
constexpr std::size_t tag_bytes = 32;
// Rows are a megabyte, mostly of zeros: higher levels take seconds and gain little.
constexpr int compression_level = 5;

std::string path_of(const char* group, EventClass c) {
  return fmt::format("{}/{}", group, check::class_name(c));
}

std::int64_t run_in_file_name(const fs::path& path) {
  const std::optional<RunFileName> name = parse_run_file_name(path);
  return name ? name->run : -1;
}

hdf5::File open_datacheck(const fs::path& path) {
  hdf5::File file = hdf5::File::open(path);
  if (!file.exists(lstchain_group))
    throw Error(ErrorKind::bad_input, fmt::format("holds no data check ('{}')", lstchain_group),
                path.string(), "give datacheck_dl1_*.h5 of check-dl1 or lstchain");
  return file;
}

std::string configuration_of(const hdf5::File& file) {
  const std::string cosmics = path_of(lstchain_group, EventClass::cosmics);
  if (!file.exists(cosmics) || !file.has_attribute(cosmics, "config")) return "";
  return file.text_attribute(cosmics, "config");
}

/// Calls `use` for the rows of a class.
void read_rows(const hdf5::File& file, EventClass c, const std::function<void(ClassCheck&&)>& use) {
  const std::string path = path_of(lstchain_group, c), own = path_of(own_group, c);
  if (!file.exists(path)) return;
  const hdf5::TableReader table(file, path);
  std::optional<hdf5::TableReader> sums;
  if (file.exists(own)) sums.emplace(file, own);
  if (sums && sums->row_count() != table.row_count())
    throw Error(ErrorKind::bad_input, fmt::format("'{}' and '{}' differ in length", path, own),
                file.path().string(), "make the check again");
  const std::int64_t run = run_in_file_name(file.path());
  for (std::size_t i = 0; i < table.row_count(); ++i) {
    ClassCheck row = read_lstchain_row(table, i);
    row.run = run;
    if (sums) read_sums(*sums, i, row);
    use(std::move(row));
  }
}

/// What a file without summaries tells of its subruns, class by class.
class SummariesOfRows {
 public:
  void add(EventClass c, const ClassCheck& row) {
    const auto k = std::size_t(c);
    auto [at, is_new] = summaries_.try_emplace({row.run, row.subrun});
    SubrunSummary& s = at->second;
    if (is_new) {
      s.run = row.run;
      s.subrun = row.subrun;
      s.elapsed_time = row.elapsed_time;
      s.alt_tel = row.alt_tel;
      s.az_tel = row.az_tel;
      s.ra_tel = row.ra_tel;
      s.dec_tel = row.dec_tel;
    }
    if (!row.dragon_time.empty() && !(s.time_start <= row.dragon_time.front()))
      s.time_start = row.dragon_time.front();
    s.time_end = s.time_start + s.elapsed_time;
    s.num_events += row.num_events;
    s.num_class_events[k] = row.num_events;
    s.num_cleaned_events[k] = row.num_cleaned_events;
    if (row.num_ucts_jumps >= 0)
      s.num_ucts_jumps = std::max<std::int64_t>(s.num_ucts_jumps, 0) + row.num_ucts_jumps;
    const auto is = [&](EventClass one) { return c == one ? &row : nullptr; };
    const double unusable = s.unusable_pixels;
    check::fill_from_classes(s, is(EventClass::pedestals), is(EventClass::flatfield),
                             is(EventClass::cosmics));
    // A pixel is unusable if it is in all classes: those of the class with the fewest.
    if (unusable < s.unusable_pixels) s.unusable_pixels = unusable;
  }
  [[nodiscard]] std::vector<SubrunSummary> all() const {
    std::vector<SubrunSummary> out;
    for (const auto& [id, summary] : summaries_) out.push_back(summary);
    return out;
  }

 private:
  std::map<std::pair<std::int64_t, std::int64_t>, SubrunSummary> summaries_;
};

bool has_summaries(const hdf5::File& file) {
  return file.exists(summary_path);
}

std::vector<SubrunSummary> stored_summaries(const hdf5::File& file) {
  return read_summary_rows(hdf5::TableReader(file, summary_path));
}

/// A table under way, made with its first row.
class LazyTable {
 public:
  void append(hdf5::File& file, std::string path, const char* title, std::size_t chunk_rows,
              const RowColumns& row) {
    if (!table_) {
      table_.emplace(file, hdf5::TableSpec{.path = path,
                                           .title = title,
                                           .columns = row.specs(),
                                           .chunk_rows = chunk_rows,
                                           .compression_level = compression_level});
      table_->write_attribute("CTAPIPE_VERSION", ctapipe_version);
    }
    table_->append(1, row.sources());
  }
  [[nodiscard]] hdf5::TableWriter* table() { return table_ ? &*table_ : nullptr; }
  void finish() {
    if (table_) table_->finish();
  }

 private:
  std::optional<hdf5::TableWriter> table_;
};

}  // namespace

struct DataCheckWriter::State {
  explicit State(const fs::path& path) : file(hdf5::File::create(path)) {}
  hdf5::File file;
  std::array<LazyTable, check::n_classes> rows, sums;
  LazyTable summaries;
  std::size_t n_pixels = 0;
};

DataCheckWriter::DataCheckWriter(const fs::path& path) : state_(std::make_unique<State>(path)) {}
DataCheckWriter::~DataCheckWriter() = default;
DataCheckWriter::DataCheckWriter(DataCheckWriter&&) noexcept = default;
DataCheckWriter& DataCheckWriter::operator=(DataCheckWriter&&) noexcept = default;

void DataCheckWriter::write(EventClass c, const ClassCheck& row) {
  State& s = *state_;
  if (s.n_pixels == 0) s.n_pixels = row.n_pixels();
  if (row.n_pixels() != s.n_pixels)
    throw Error(ErrorKind::bad_input,
                fmt::format("holds {} pixels, those before it {}", row.n_pixels(), s.n_pixels),
                fmt::format("the check of run {}, subrun {}", row.run, row.subrun),
                "merge files of one camera");
  const auto i = std::size_t(c);
  s.rows[i].append(s.file, path_of(lstchain_group, c), "Storage of DL1DataCheckContainer", 1,
                   lstchain_row(c, row));
  s.sums[i].append(s.file, path_of(own_group, c), "Counts and sums of pixels", 1, sums_row(c, row));
}

void DataCheckWriter::write(const SubrunSummary& summary) {
  state_->summaries.append(state_->file, summary_path, "Subruns", 100, summary_row(summary));
}

void DataCheckWriter::finish(const std::string& configuration_json, const ProductMetadata& metadata,
                             const std::string& stage) {
  State& s = *state_;
  LazyTable binning;
  binning.append(s.file, std::string(lstchain_group) + "/histogram_binning",
                 "Storage of DL1DataCheckHistogramBins", 13, binning_row());
  binning.finish();
  std::string tag = "event_type";
  tag.resize(tag_bytes, '\0');
  s.file.write_texts(tag_path, {tag}, "");
  if (hdf5::TableWriter* cosmics = s.rows[std::size_t(EventClass::cosmics)].table())
    cosmics->write_attribute("config", configuration_json, hdf5::TextForm::variable);
  for (auto* tables : {&s.rows, &s.sums})
    for (LazyTable& table : *tables) table.finish();
  s.summaries.finish();
  write_file_attributes(s.file, metadata, stage);
  s.file.close();
}

DataCheck read_datacheck(const fs::path& path) {
  const hdf5::File file = open_datacheck(path);
  DataCheck check;
  SummariesOfRows made;
  const bool stored = has_summaries(file);
  for (const EventClass c : check::event_classes)
    read_rows(file, c, [&](ClassCheck&& row) {
      if (!stored) made.add(c, row);
      check[c].push_back(std::move(row));
    });
  check.summaries = stored ? stored_summaries(file) : made.all();
  check.configuration_json = configuration_of(file);
  return check;
}

RunCheck read_run_check(const fs::path& path) {
  const hdf5::File file = open_datacheck(path);
  RunCheck check;
  SummariesOfRows made;
  const bool stored = has_summaries(file);
  for (const EventClass c : check::event_classes) {
    check::ClassSum sum;
    read_rows(file, c, [&](ClassCheck&& row) {
      if (!stored) made.add(c, row);
      sum.add(row);
    });
    check.classes[std::size_t(c)] = sum.finish();
  }
  check.summaries = stored ? stored_summaries(file) : made.all();
  check.configuration_json = configuration_of(file);
  return check;
}

void for_each_row(const fs::path& path, EventClass c,
                  const std::function<void(ClassCheck&&)>& use) {
  read_rows(open_datacheck(path), c, use);
}

std::vector<SubrunSummary> read_summaries(const fs::path& path) {
  const hdf5::File file = open_datacheck(path);
  if (has_summaries(file)) return stored_summaries(file);
  SummariesOfRows made;
  for (const EventClass c : check::event_classes)
    read_rows(file, c, [&](ClassCheck&& row) { made.add(c, row); });
  return made.all();
}

void write_datacheck(const fs::path& path, const DataCheck& check, const ProductMetadata& metadata,
                     const std::string& stage) {
  DataCheckWriter writer(path);
  for (const EventClass c : check::event_classes)
    for (const ClassCheck& row : check[c]) writer.write(c, row);
  for (const SubrunSummary& summary : check.summaries) writer.write(summary);
  writer.finish(check.configuration_json, metadata, stage);
}

namespace {

/// One input and what it says of its subruns.
struct Input {
  fs::path path;
  std::vector<SubrunSummary> summaries;
};

std::vector<Input> readable_inputs(const MergeDatachecksRequest& request) {
  std::vector<Input> inputs;
  for (const fs::path& path : request.inputs) {
    try {
      inputs.push_back({path, read_summaries(path)});
    } catch (const Error& error) {
      if (!request.leave_out_corrupt) throw;
      spdlog::warn("left out: {}", error.what());
    }
  }
  if (inputs.empty())
    throw Error(ErrorKind::bad_input, "no data check can be read", request.target.string(),
                "make them with check-dl1");
  return inputs;
}

/// Return how many subruns a run has at least if files of these names are given, left out or not.
int subruns_told_by_names(const std::vector<fs::path>& inputs) {
  int subruns = 0;
  for (const fs::path& input : inputs)
    if (const std::optional<RunFileName> name = parse_run_file_name(input);
        name && name->subrun && name->has_usual_digits && name->ends_in_any_of({".h5", ".hdf5"}))
      subruns = std::max(subruns, *name->subrun + 1);
  return subruns;
}

/// Refuse subruns that are there twice, warn of those missing.
void check_subruns(const std::vector<Input>& inputs, const ExpectedSubruns& expected) {
  std::map<std::int64_t, std::map<std::int64_t, fs::path>> runs;
  for (const Input& input : inputs)
    for (const SubrunSummary& s : input.summaries)
      if (const auto [at, is_new] = runs[s.run].try_emplace(s.subrun, input.path); !is_new)
        throw Error(
            ErrorKind::bad_input,
            fmt::format("subrun {} of run {} is in {}, too", s.subrun, s.run, at->second.string()),
            input.path.string(), "give each subrun once");
  for (const auto& [run, subruns] : runs) {
    std::set<int> there;
    for (const auto& [subrun, path] : subruns) there.insert(static_cast<int>(subrun));
    if (const std::string absent = ranges_of(expected.missing(there)); !absent.empty())
      spdlog::warn("run {}: no data check of subruns {}", run, absent);
  }
}

Parts parts_of(const std::vector<SubrunSummary>& summaries) {
  Parts parts;
  for (const SubrunSummary& s : summaries)
    if (s.run >= 0) parts.emplace(static_cast<int>(s.run), static_cast<int>(s.subrun));
  return parts;
}

/// @throws Error(usage) if a subrun of the file that is there, which tells its run, is in none of
/// the inputs.
/// @param left_out subruns of the run that operators left out
void check_replaceable(const fs::path& target, const std::vector<Input>& inputs,
                       const std::set<int>& left_out) {
  if (!fs::exists(target)) return;
  const auto there = unless_damaged([&] { return parts_of(read_summaries(target)); });
  if (!there) return;
  Parts coming;
  for (const Input& input : inputs) coming.merge(parts_of(input.summaries));
  refuse_loss(target, *there, coming, left_out);
}

}  // namespace

std::int64_t merge_datachecks(stage::StageRun& run, const MergeDatachecksRequest& request,
                              const config::Configuration& configuration) {
  const bool per_run = request.port == "dl1_datacheck_night";
  if (run.activity().dry_run) {
    for (const fs::path& path : request.inputs) run.use("dl1_datacheck", path);
    run.plan_product(request.port, request.target);
    return 0;
  }
  const std::vector<Input> inputs = readable_inputs(request);
  ExpectedSubruns expected;
  if (!per_run) {
    expected = request.expected_subruns;
    expected.number = std::max(expected.number, subruns_told_by_names(request.inputs));
  }
  check_subruns(inputs, expected);
  if (!run.activity().overwrite) check_replaceable(request.target, inputs, expected.left_out);
  for (const Input& input : inputs) run.use("dl1_datacheck", input.path);

  std::map<std::int64_t, std::vector<SubrunSummary>> runs;
  std::int64_t subruns = 0;
  std::vector<fs::path> paths;
  for (const Input& input : inputs) paths.push_back(input.path);
  inherit_cut(run, paths);
  PendingFile& product = run.create(request.port, request.target);
  std::array<std::size_t, check::n_classes> rows{};
  {
    DataCheckWriter writer(product.path());
    for (const EventClass c : check::event_classes) {
      check::ClassSum sum;
      std::int64_t run_of_sum = -1;
      const auto write = [&](const ClassCheck& row) {
        writer.write(c, row);
        ++rows[std::size_t(c)];
      };
      const auto flush = [&] {
        if (sum.empty()) return;
        ClassCheck row = sum.finish();
        row.subrun = row.run;
        write(row);
        sum = {};
      };
      for (const Input& input : inputs)
        for_each_row(input.path, c, [&](ClassCheck&& row) {
          if (!per_run) return write(row);
          if (row.run != run_of_sum) flush();
          run_of_sum = row.run;
          sum.add(row);
        });
      flush();
    }
    for (const Input& input : inputs)
      for (const SubrunSummary& summary : input.summaries) {
        writer.write(summary);
        runs[summary.run].push_back(summary);
        ++subruns;
      }
    writer.finish(configuration_of(open_datacheck(inputs.front().path)), run.metadata(request.port),
                  "merge_datacheck");
  }
  // What cannot be read back would be found out weeks later.
  const hdf5::File written = open_datacheck(product.path());
  for (const EventClass c : check::event_classes) {
    std::size_t found = 0;
    read_rows(written, c, [&](ClassCheck&&) { ++found; });
    if (found != rows[std::size_t(c)])
      throw Error(ErrorKind::resource,
                  fmt::format("{} of {} rows can be read back", found, rows[std::size_t(c)]),
                  request.target.string(), "is the disk full?");
  }
  const check::DataLimits limits = data_limits(configuration);
  std::vector<std::vector<Gate>> judged;
  for (const auto& [number, summaries] : runs)
    judged.push_back(check::run_gates(summaries, limits, expected));
  const std::vector<Gate> gates = check::night_gates(judged);
  if (!all_passed(gates))
    spdlog::warn("{}: quality gates failed: {}", request.target.string(), failed_gates(gates));
  run.publish(request.port, {{"quality", verdict(gates)}});
  return subruns;
}

}  // namespace alisio::pipeline
