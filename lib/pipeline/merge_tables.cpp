#include "lib/pipeline/merge_tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/interruption.hpp"
#include "lib/base/log.hpp"
#include "lib/pipeline/cut.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/parts.hpp"
#include "lib/pipeline/r0_to_dl1.hpp"
#include "lib/pipeline/table_copy.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t block_bytes = std::size_t{16} << 20;
constexpr const char* sources_path = "/source_filenames";
constexpr const char* version_attribute = "LSTCHAIN_VERSION";

/// What becomes of the objects of the inputs.
enum class Fate {
  concatenated,
  once,     ///< the same in all files: compared, and taken from the first
  left_out  ///< known from the inputs only
};

Fate fate_of(const std::string& path, bool with_images) {
  const auto below = [&](const std::string& group) {
    return path == group || path.starts_with(group + "/");
  };
  if (below(sources_path) || below("/provenance") || below("/dl1/event/telescope/monitoring"))
    return Fate::left_out;
  if (below("/dl1/event/telescope/image") && !with_images) return Fate::left_out;
  if (below("/dl1/event") || below("/dl2/event") || below("/simulation/LST_LSTCam"))
    return Fate::concatenated;
  return Fate::once;
}

/// Paths of everything below the root that is no group, sorted.
void list_objects(const hdf5::File& file, const std::string& group,
                  std::vector<std::string>& paths) {
  for (const std::string& name : file.members(group.empty() ? "/" : group)) {
    const std::string path = group + "/" + name;
    if (file.kind_of(path) == hdf5::ObjectKind::group)
      list_objects(file, path, paths);
    else
      paths.push_back(path);
  }
}

/// One column of a table, as far as it must be the same in all inputs.
struct ColumnShape {
  std::string name;
  hdf5::ScalarType type{};
  std::vector<std::size_t> shape;
  std::size_t item_bytes = 0;
  bool operator==(const ColumnShape&) const = default;
};

std::vector<ColumnShape> shapes_of(const hdf5::TableReader& table) {
  std::vector<ColumnShape> shapes;
  for (const hdf5::ColumnInfo& column : table.columns())
    shapes.push_back({column.name, column.type, column.shape, column.item_bytes});
  return shapes;
}

std::size_t row_bytes(const hdf5::TableReader& table) {
  std::size_t bytes = 0;
  for (const hdf5::ColumnInfo& column : table.columns()) bytes += column.items * column.item_bytes;
  return bytes;
}

/// Whole chunks that fit into a block: no chunk is decoded twice.
std::size_t rows_per_block(const hdf5::TableReader& table) {
  const std::size_t chunk = std::max<std::size_t>(1, table.chunk_rows());
  const std::size_t rows = block_bytes / std::max<std::size_t>(1, row_bytes(table));
  return std::max(chunk, rows / chunk * chunk);
}

/// Put rows side by side, column after column within a row, whatever gaps the file has.
void pack_rows(const hdf5::Rows& rows, const std::vector<hdf5::ColumnInfo>& columns,
               std::vector<std::byte>& out) {
  std::size_t width = 0;
  for (const hdf5::ColumnInfo& column : columns) width += column.items * column.item_bytes;
  out.resize(rows.size() * width);
  std::size_t offset = 0;
  for (const hdf5::ColumnInfo& column : columns) {
    const hdf5::ColumnSource source = rows.source(column.name);
    const std::size_t bytes = column.items * column.item_bytes;
    const auto* from = static_cast<const std::byte*>(source.data);
    for (std::size_t row = 0; row < rows.size(); ++row)
      std::copy_n(from + row * source.stride_bytes, bytes, out.data() + row * width + offset);
    offset += bytes;
  }
}

/// A file that goes into the product.
struct Input {
  fs::path path;
  int run = 0, subrun = 0;
};

/// The events of a file. Ids are unique within a run: a file that has another's is a copy under a
/// wrong name.
struct EventRange {
  std::int64_t first = 0, last = -1;
};

/// Read the column of event ids.
std::vector<std::int64_t> event_ids(const fs::path& path, const char* table_path) {
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::TableReader table(file, table_path);
  std::vector<std::int64_t> ids;
  const std::size_t step = rows_per_block(table);
  for (std::uint64_t first = 0; first < table.row_count(); first += step) {
    const hdf5::Rows block = table.read(first, std::min(step, table.row_count() - first));
    const auto some = block.column<std::int64_t>("event_id");
    ids.insert(ids.end(), some.begin(), some.end());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

/// Check that a file holds events of the run that its name tells. @throws Error(bad_input).
EventRange range_of_events(const Input& input, const char* table_path) {
  const hdf5::File file = hdf5::File::open(input.path);
  const hdf5::TableReader table(file, table_path);
  if (!table.has_column("event_id") || table.row_count() == 0) return {};
  EventRange range{std::numeric_limits<std::int64_t>::max(), -1};
  const std::size_t step = rows_per_block(table);
  for (std::uint64_t first = 0; first < table.row_count(); first += step) {
    const hdf5::Rows block = table.read(first, std::min(step, table.row_count() - first));
    for (const std::int64_t id : block.column<std::int64_t>("event_id")) {
      range.first = std::min(range.first, id);
      range.last = std::max(range.last, id);
    }
    if (!table.has_column("obs_id") || file.exists("/simulation")) continue;
    for (const std::int64_t run : block.column<std::int64_t>("obs_id"))
      if (run != input.run)
        throw Error(ErrorKind::bad_input,
                    fmt::format("holds events of run {}, not of the run in its name", run),
                    input.path.string(), "give it its own name");
  }
  return range;
}

/// What the first file says, and all others must say too.
struct Model {
  std::vector<std::string> concatenated, once;
  std::vector<std::vector<ColumnShape>> shapes;       ///< of the concatenated tables
  std::vector<std::string> configurations;            ///< that these were made with, JSON
  std::vector<std::vector<std::byte>> common_tables;  ///< of those that are stored once
  std::string version;
};

std::vector<std::byte> content_of(const hdf5::File& file, const std::string& path) {
  if (file.kind_of(path) != hdf5::ObjectKind::table) return {};
  const hdf5::TableReader table(file, path);
  std::vector<std::byte> bytes;
  pack_rows(table.read_all(), table.columns(), bytes);
  return bytes;
}

Model model_of(const fs::path& path, bool with_images) {
  const hdf5::File file = hdf5::File::open(path);
  Model model;
  std::vector<std::string> all;
  list_objects(file, "", all);
  for (const std::string& object : all) {
    const Fate fate = fate_of(object, with_images);
    if (fate == Fate::concatenated && file.kind_of(object) == hdf5::ObjectKind::table) {
      model.concatenated.push_back(object);
      model.shapes.push_back(shapes_of(hdf5::TableReader(file, object)));
      const bool configured = file.has_attribute(object, "config");
      model.configurations.push_back(configured ? file.text_attribute(object, "config") : "{}");
    } else if (fate == Fate::once) {
      model.once.push_back(object);
      model.common_tables.push_back(content_of(file, object));
    }
  }
  if (file.has_attribute("/", version_attribute))
    model.version = file.text_attribute("/", version_attribute);
  return model;
}

/// Return how a file differs from what the first one is; empty if it fits.
std::string misfit(const Model& model, const Model& other) {
  if (other.version != model.version)
    return fmt::format("is of version {}, the first file of {}", other.version, model.version);
  const auto lists_differ = [](const std::vector<std::string>& a,
                               const std::vector<std::string>& b) -> std::string {
    for (const std::string& path : a)
      if (std::find(b.begin(), b.end(), path) == b.end()) return path;
    return "";
  };
  for (const auto& [mine, theirs] :
       {std::pair{&model.concatenated, &other.concatenated}, std::pair{&model.once, &other.once}}) {
    if (const std::string lacks = lists_differ(*mine, *theirs); !lacks.empty())
      return fmt::format("lacks '{}', which the first file has", lacks);
    if (const std::string more = lists_differ(*theirs, *mine); !more.empty())
      return fmt::format("has '{}', which the first file lacks", more);
  }
  for (std::size_t i = 0; i < model.shapes.size(); ++i)
    if (model.shapes[i] != other.shapes[i])
      return fmt::format("has other columns in '{}' than the first file", model.concatenated[i]);
  if (model.configurations != other.configurations)
    return "was made with another configuration than the first file";
  for (std::size_t i = 0; i < model.once.size(); ++i)
    if (model.common_tables[i] != other.common_tables[i])
      return fmt::format("says another thing in '{}' than the first file", model.once[i]);
  return "";
}

/// Order the inputs by subrun, and refuse what no choice of files can mend.
std::vector<Input> ordered(const std::vector<fs::path>& paths) {
  std::vector<Input> inputs;
  std::optional<int> run;
  for (const fs::path& path : paths) {
    const SubrunId id = subrun_of(path);
    if (run && *run != id.run)
      throw Error(ErrorKind::usage, fmt::format("is of run {}, others are of run {}", id.run, *run),
                  path.string(), "merge each run by itself");
    run = id.run;
    inputs.push_back({path, id.run, id.subrun});
  }
  std::sort(inputs.begin(), inputs.end(),
            [](const Input& a, const Input& b) { return a.subrun < b.subrun; });
  for (std::size_t i = 1; i < inputs.size(); ++i)
    if (inputs[i].subrun == inputs[i - 1].subrun)
      throw Error(ErrorKind::usage,
                  fmt::format("is of the same subrun as {}", inputs[i - 1].path.string()),
                  inputs[i].path.string(), "give each subrun once");
  return inputs;
}

/// @throws Error(bad_input) if a file holds an event that one before it holds.
void refuse_repeated_events(const Input& input, const EventRange& range,
                            const std::vector<std::pair<EventRange, fs::path>>& seen,
                            const char* table_path) {
  for (const auto& [other, path] : seen) {
    if (range.first > other.last || other.first > range.last) continue;
    const std::vector<std::int64_t> mine = event_ids(input.path, table_path);
    const std::vector<std::int64_t> theirs = event_ids(path, table_path);
    std::vector<std::int64_t> both;
    std::set_intersection(mine.begin(), mine.end(), theirs.begin(), theirs.end(),
                          std::back_inserter(both));
    if (!both.empty())
      throw Error(ErrorKind::bad_input,
                  fmt::format("holds {} events that {} holds, too: event {}", both.size(),
                              path.filename().string(), both.front()),
                  input.path.string(), "is it a copy under another name? leave it out");
  }
}

/// The table of events, by which files are told apart.
const char* events_of(const MergeTablesRequest& request) {
  return request.port == "dl2_run" ? dl2_parameters_path : parameters_path;
}

/// Look into every file before anything is written. Return the model that all those left fit, and
/// the names of those left out.
Model check_inputs(std::vector<Input>& inputs, const MergeTablesRequest& request,
                   std::vector<std::string>& left_out) {
  std::optional<Model> model;
  std::vector<std::pair<EventRange, fs::path>> seen;
  std::erase_if(inputs, [&](const Input& input) {
    try {
      Model own = model_of(input.path, request.with_images);
      const char* events = events_of(request);
      if (std::find(own.concatenated.begin(), own.concatenated.end(), events) ==
          own.concatenated.end())
        throw Error(ErrorKind::bad_input, fmt::format("has no table '{}'", events),
                    input.path.string());
      if (const std::string what = model ? misfit(*model, own) : ""; !what.empty())
        throw Error(ErrorKind::bad_input, what, input.path.string(),
                    "make it again, or leave it out with --leave-out-bad");
      const EventRange range = range_of_events(input, events);
      refuse_repeated_events(input, range, seen, events);
      seen.emplace_back(range, input.path);
      if (!model) model = std::move(own);
      return false;
    } catch (const Error& error) {
      if (!request.leave_out_bad || error.kind() == ErrorKind::bug) throw;
      spdlog::warn("left out: {}", error.what());
      left_out.push_back(input.path.filename().string());
      return true;
    }
  });
  if (inputs.empty())
    throw Error(ErrorKind::bad_input, "no file is left to merge", request.target.string());
  return std::move(*model);
}

/// Concatenate one table of all inputs. @return its number of rows.
std::uint64_t concatenate(const std::vector<Input>& inputs, const std::string& path,
                          hdf5::File& target) {
  std::optional<hdf5::TableWriter> writer;
  std::uint64_t rows = 0;
  std::vector<hdf5::ColumnSource> sources;
  for (const Input& input : inputs) {
    throw_if_interrupted();
    const hdf5::File file = hdf5::File::open(input.path);
    const hdf5::TableReader table(file, path);
    if (!writer) {
      const std::vector<hdf5::ColumnSpec> known =
          // Names and units; types and shapes are the input's own.
          path == parameters_path ? parameter_columns()
          : path == images_path   ? image_columns(1)
                                  : std::vector<hdf5::ColumnSpec>{};
      hdf5::TableSpec spec{
          .path = path, .title = "", .columns = {}, .chunk_rows = table.chunk_rows()};
      if (file.has_attribute(path, "TITLE")) spec.title = file.text_attribute(path, "TITLE");
      for (const hdf5::ColumnInfo& column : table.columns())
        spec.columns.push_back(spec_of(column, known));
      writer.emplace(target, std::move(spec));
      const bool configured = file.has_attribute(path, "config");
      write_table_attributes(*writer, configured ? file.text_attribute(path, "config") : "{}");
      if (file.has_attribute(path, "FLAVOR"))
        writer->write_attribute("FLAVOR", file.text_attribute(path, "FLAVOR"));
    }
    const std::size_t step = rows_per_block(table);
    for (std::uint64_t first = 0; first < table.row_count(); first += step) {
      const hdf5::Rows block = table.read(first, std::min(step, table.row_count() - first));
      sources.clear();
      for (const hdf5::ColumnInfo& column : table.columns())
        sources.push_back(block.source(column.name));
      writer->append(block.size(), sources);
    }
    rows += table.row_count();
  }
  writer->finish();
  return rows;
}

/// Compare a table of the product, read back, with those of the inputs.
void verify(const hdf5::File& product, const std::vector<Input>& inputs, const std::string& path,
            const fs::path& target) {
  const hdf5::TableReader written(product, path);
  std::uint64_t at = 0;
  std::vector<std::byte> expected, found;
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorKind::resource, fmt::format("'{}' does not read back: {}", path, what),
                target.string(), "check the disk and merge again");
  };
  for (const Input& input : inputs) {
    throw_if_interrupted();
    const hdf5::File file = hdf5::File::open(input.path);
    const hdf5::TableReader table(file, path);
    const std::size_t step = rows_per_block(table);
    for (std::uint64_t first = 0; first < table.row_count(); first += step) {
      const std::size_t n = std::min<std::uint64_t>(step, table.row_count() - first);
      if (at + n > written.row_count()) fail("rows are missing");
      pack_rows(table.read(first, n), table.columns(), expected);
      pack_rows(written.read(at, n), written.columns(), found);
      if (expected != found)
        fail(fmt::format("rows {} to {} are not those of {}", at, at + n - 1, input.path.string()));
      at += n;
    }
  }
  if (at != written.row_count()) fail("there are rows that no input has");
}

/// What a merged file says that it is made of; empty if it does not, or is damaged.
Parts merged_parts(const fs::path& merged) {
  const auto read = [&] {
    return parts_in_names(
        hdf5::File::open(merged).read_texts(std::string(sources_path) + "/filenames"));
  };
  return unless_damaged(read).value_or(Parts{});
}

/// A merged file is not replaced by a poorer one unless that is said.
void check_replaceable(const std::vector<Input>& inputs, const char* events,
                       const MergeTablesRequest& request, bool overwrite) {
  if (overwrite || !fs::exists(request.target)) return;
  if (const Parts there = merged_parts(request.target); !there.empty()) {
    Parts coming;
    for (const Input& input : inputs) coming.emplace(input.run, input.subrun);
    return refuse_loss(request.target, there, coming, request.expected_subruns.left_out);
  }
  // A file that does not name its parts: its events decide.
  const auto rows_of = [&](const fs::path& file) {
    return hdf5::TableReader(hdf5::File::open(file), events).row_count();
  };
  const auto before = unless_damaged([&] { return rows_of(request.target); });
  if (!before) return;
  std::uint64_t after = 0;
  for (const Input& input : inputs) after += rows_of(input.path);
  if (after < *before)
    throw Error(ErrorKind::usage,
                fmt::format("holds {} events, and would be replaced by {}", *before, after),
                request.target.string(), "choose another --output-dir, or give --overwrite");
}

}  // namespace

std::int64_t merge_tables(stage::StageRun& run, const MergeTablesRequest& request) {
  std::vector<Input> inputs = ordered(request.inputs);
  const int last_given = inputs.empty() ? -1 : inputs.back().subrun;
  if (run.activity().dry_run) {
    for (const Input& input : inputs) run.use(request.input_port, input.path);
    run.plan_product(request.port, request.target);
    return 0;
  }
  std::vector<std::string> left_out;
  const Model model = check_inputs(inputs, request, left_out);
  check_replaceable(inputs, events_of(request), request, run.activity().overwrite);
  for (const Input& input : inputs) run.use(request.input_port, input.path);

  std::vector<int> subruns;
  std::vector<std::string> names;
  std::vector<fs::path> paths;
  for (const Input& input : inputs) {
    subruns.push_back(input.subrun);
    paths.push_back(input.path);
    names.push_back(input.path.filename().string());
  }
  ExpectedSubruns expected = request.expected_subruns;
  expected.number = std::max(expected.number, last_given + 1);
  for (const int subrun : subruns) expected.left_out.erase(subrun);
  const std::string missing = ranges_of(expected.missing({subruns.begin(), subruns.end()}));
  const std::string without = ranges_of({expected.left_out.begin(), expected.left_out.end()});
  if (!missing.empty()) spdlog::warn("{}: lacks subruns {}", request.target.string(), missing);

  inherit_cut(run, paths);
  PendingFile& product = run.create(request.port, request.target);
  const ProductMetadata metadata = run.metadata(request.port);
  hdf5::File file = hdf5::File::create(product.path());
  {
    const hdf5::File first = hdf5::File::open(inputs.front().path);
    for (const std::string& path : model.once) first.copy_to(file, path);
  }
  file.write_texts(std::string(sources_path) + "/filenames", names, "List of files merged");
  std::int64_t events = 0;
  for (const std::string& path : model.concatenated) {
    const auto rows = std::int64_t(concatenate(inputs, path, file));
    if (path == parameters_path || path == dl2_parameters_path) events = rows;
  }
  file.write_attribute("/", "MERGED_SUBRUNS", ranges_of(subruns));
  file.write_attribute("/", "MISSING_SUBRUNS", missing);
  if (!without.empty()) file.write_attribute("/", "WITHOUT_SUBRUNS", without);
  file.write_attribute("/", "LEFT_OUT", fmt::format("{}", fmt::join(left_out, ", ")));
  write_file_attributes(file, metadata, run.activity().stage);
  file.close();

  const hdf5::File written = hdf5::File::open(product.path());
  for (const std::string& path : model.concatenated) verify(written, inputs, path, request.target);
  std::map<std::string, std::string> facts;
  if (!missing.empty()) facts["missing_subruns"] = missing;
  if (!without.empty()) facts["without_subruns"] = without;
  if (!left_out.empty()) facts["left_out"] = fmt::format("{}", fmt::join(left_out, ", "));
  run.publish(request.port, std::move(facts));
  return events;
}

}  // namespace alisio::pipeline
