#include "lib/pipeline/dl3_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/base/version.hpp"
#include "lib/io/fits/checksum.hpp"
#include "lib/io/fits/data_hash.hpp"
#include "lib/io/fits/read_tables.hpp"
#include "lib/pipeline/names.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
using fits::BinaryTable;
namespace {

/// A DL3 file, as its headers tell.
struct Dl3File {
  fs::path path;
  std::vector<BinaryTable> tables;
  std::int64_t obs_id = 0;

  [[nodiscard]] const BinaryTable& events() const { return tables.front(); }
};

/// Cards of the observation index, in lstchain's order, and what the numbers are in.
struct IndexColumn {
  enum class Kind { number, count, text };
  const char* name;
  Kind kind;
  const char* unit;
  const char* card;  ///< of EVENTS
};
using Kind = IndexColumn::Kind;
constexpr IndexColumn index_columns[] = {
    {"OBS_ID", Kind::count, "", "OBS_ID"},       {"DATE-OBS", Kind::text, "", "DATE-OBS"},
    {"TIME-OBS", Kind::text, "", "TIME-OBS"},    {"DATE-END", Kind::text, "", "DATE-END"},
    {"TIME-END", Kind::text, "", "TIME-END"},    {"RA_PNT", Kind::number, "deg", "RA_PNT"},
    {"DEC_PNT", Kind::number, "deg", "DEC_PNT"}, {"ZEN_PNT", Kind::number, "deg", "ALT_PNT"},
    {"ALT_PNT", Kind::number, "deg", "ALT_PNT"}, {"AZ_PNT", Kind::number, "deg", "AZ_PNT"},
    {"RA_OBJ", Kind::number, "deg", "RA_OBJ"},   {"DEC_OBJ", Kind::number, "deg", "DEC_OBJ"},
    {"TSTART", Kind::number, "s", "TSTART"},     {"TSTOP", Kind::number, "s", "TSTOP"},
    {"ONTIME", Kind::number, "s", "ONTIME"},     {"TELAPSE", Kind::number, "s", "TELAPSE"},
    {"LIVETIME", Kind::number, "s", "LIVETIME"}, {"DEADC", Kind::number, "", "DEADC"},
    {"OBJECT", Kind::text, "", "OBJECT"},        {"OBS_MODE", Kind::text, "", "OBS_MODE"},
    {"N_TELS", Kind::count, "", "N_TELS"},       {"TELLIST", Kind::text, "", "TELLIST"},
    {"INSTRUME", Kind::text, "", "INSTRUME"},    {"SOFTWARE", Kind::text, "", "CREATOR"},
    {"PROD_ID", Kind::text, "", "DST_VER"},      {"CAL_FILE", Kind::text, "", "CALFILE"},
    {"CAL_HASH", Kind::text, "", "CALHASH"},     {"GATES", Kind::text, "", "GATES"}};

/// Return a DL3 file's headers. @throws Error(bad_input) if it is none.
Dl3File read_dl3_headers(const fs::path& path) {
  Dl3File file{path, fits::read_table_headers(path), 0};
  for (std::size_t i = 0; i < 3; ++i) {
    constexpr const char* needed[] = {"EVENTS", "GTI", "POINTING"};
    if (i >= file.tables.size() || file.tables[i].name != needed[i])
      throw Error(ErrorKind::bad_input, fmt::format("is no DL3 file: it lacks {}", needed[i]),
                  path.string(), "make it again with alisio dl2-to-dl3");
  }
  for (const IndexColumn& column : index_columns)
    if (column.kind != Kind::text)
      static_cast<void>(fits::number_of_card(file.events(), column.card, path));
  file.obs_id = std::int64_t(fits::number_of_card(file.events(), "OBS_ID", path));
  return file;
}

/// Read every byte of a file. @throws Error(bad_input) if it does not agree with its checksums:
/// those of FITS, or of gzip.
void check_content(const fs::path& path) {
  if (path.extension() == ".gz")
    static_cast<void>(fits::data_hash(path));
  else
    static_cast<void>(fits::hash_fits_file(path));
}

/// Say whether there is something of this name: a link that leads nowhere, too.
bool is_entry(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

std::vector<Dl3File> read_files(const std::vector<fs::path>& paths,
                                std::vector<fs::path>& left_out) {
  std::vector<Dl3File> files;
  for (const fs::path& path : paths) {
    try {
      Dl3File file = read_dl3_headers(path);
      // Before the runner hashes it as an input, where damage would end the job.
      check_content(path);
      files.push_back(std::move(file));
    } catch (const Error& problem) {
      const bool unusable = problem.kind() == ErrorKind::bad_input ||
                            (problem.kind() == ErrorKind::missing_input && is_entry(path));
      if (!unusable) throw;
      left_out.push_back(path);
      spdlog::warn("left out: {}", problem.what());
    }
  }
  if (files.empty())
    throw Error(ErrorKind::bad_input, "none of the files is whole DL3",
                paths.front().parent_path().string(), "make them with alisio dl2-to-dl3");
  std::ranges::stable_sort(files, {}, &Dl3File::obs_id);
  const auto twice = std::ranges::adjacent_find(files, {}, &Dl3File::obs_id);
  if (twice != files.end())
    throw Error(ErrorKind::bad_input,
                fmt::format("is of run {}, like {}", twice->obs_id, twice->path.string()),
                std::next(twice)->path.string(), "keep one of the two in the folder");
  return files;
}

std::vector<fits::Card> index_cards(const std::vector<Dl3File>& files, const char* kind) {
  const auto text = [](const char* value) { return std::string(value); };
  const BinaryTable& events = files.front().events();
  std::vector<fits::Card> cards{
      {"CREATOR", "alisio " + build_info().version, ""},
      {"HDUDOC", text("https://github.com/open-gamma-ray-astro/gamma-astro-data-formats"), ""},
      {"HDUVERS", text("0.3"), ""},
      {"HDUCLASS", text("GADF"), ""},
      {"ORIGIN", text("CTA"), ""},
      {"TELESCOP", text("CTA-N"), ""},
      {"HDUCLAS1", text("INDEX"), ""},
      {"HDUCLAS2", text(kind), ""},
      {"INSTRUME", fits::text_of_card(events, "INSTRUME"), ""}};
  for (const char* key : {"MJDREFI", "MJDREFF", "TIMEUNIT", "TIMESYS", "TIMEREF"})
    if (const fits::Card* card = fits::find_card(events, key)) cards.push_back(*card);
  return cards;
}

BinaryTable observation_index(const std::vector<Dl3File>& files) {
  BinaryTable table{"OBS INDEX", index_cards(files, "OBS"), {}};
  for (const IndexColumn& column : index_columns) {
    std::vector<double> numbers;
    std::vector<std::string> texts;
    for (const Dl3File& file : files) {
      if (column.kind == Kind::text)
        texts.push_back(fits::text_of_card(file.events(), column.card));
      else
        numbers.push_back(fits::number_of_card(file.events(), column.card, file.path));
    }
    if (std::string_view(column.name) == "ZEN_PNT")
      for (double& number : numbers) number = 90 - number;
    fits::Column out{column.name, column.unit, "", texts};
    if (column.kind == Kind::number) out.values = numbers;
    if (column.kind == Kind::count)
      out.values = std::vector<std::int64_t>(numbers.begin(), numbers.end());
    table.columns.push_back(std::move(out));
  }
  return table;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

/// Type and class of a table in the HDU index; none for one that GADF does not know.
std::optional<std::pair<std::string, std::string>> type_and_class(const BinaryTable& table) {
  for (const char* name : {"EVENTS", "GTI", "POINTING"})
    if (table.name == name) return std::pair(lower(name), lower(name));
  const std::string kind = lower(fits::text_of_card(table, "HDUCLAS4"));
  if (kind.empty()) return std::nullopt;
  return std::pair(kind.substr(0, kind.rfind('_')), kind);
}

BinaryTable hdu_index(const std::vector<Dl3File>& files, const fs::path& folder) {
  std::vector<std::int64_t> ids, sizes;
  std::vector<std::string> types, classes, folders, names, hdus;
  for (const Dl3File& file : files)
    for (const BinaryTable& table : file.tables) {
      const auto kind = type_and_class(table);
      if (!kind) continue;
      ids.push_back(file.obs_id);
      types.push_back(kind->first);
      classes.push_back(kind->second);
      // Relative, so that the folder may be moved.
      folders.push_back(fs::relative(fs::absolute(file.path).parent_path(), folder).string());
      names.push_back(file.path.filename().string());
      hdus.push_back(table.name);
      sizes.push_back(std::int64_t(fs::file_size(file.path)));
    }
  BinaryTable table{"HDU INDEX", index_cards(files, "HDU"), {}};
  table.columns = {{"OBS_ID", "", "", ids},        {"HDU_TYPE", "", "", types},
                   {"HDU_CLASS", "", "", classes}, {"FILE_DIR", "", "", folders},
                   {"FILE_NAME", "", "", names},   {"HDU_NAME", "", "", hdus},
                   {"SIZE", "", "", sizes}};
  return table;
}

void write_index(stage::StageRun& run, const char* port, const fs::path& target,
                 const BinaryTable& table) {
  const fs::path part = run.create(port, target).path();
  std::vector<fits::Card> primary;
  for (const auto& [key, value] : run.metadata(port).attributes)
    primary.push_back({key, value, ""});
  fits::write_tables(part, primary, {table}, fits::Packing::gzip);
}

}  // namespace

std::vector<fs::path> find_dl3_files(const fs::path& folder) {
  constexpr const char* remedy = "give the folder of dl3_LST-1.RunRRRRR.fits files";
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::missing_input, "is no folder", folder.string(), remedy);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("dl3")) continue;
    if (name.ends_with(".fits") || name.ends_with(".fits.gz")) files.push_back(entry.path());
  }
  if (files.empty())
    throw Error(ErrorKind::missing_input, "holds no dl3*.fits", folder.string(), remedy);
  std::ranges::sort(files);
  return files;
}

ActivityNote dl3_index_activity(const Dl3IndexRequest& request, const JobContext& context,
                                const config::Configuration& configuration) {
  ActivityNote note = activity_note("dl3_index", {}, context, configuration);
  note.subrun = -1;
  note.parameters = {{"ObservationDate", context.date}, {"ProdID", context.prod_id}};
  static_cast<void>(request);
  return note;
}

std::int64_t dl3_index(stage::StageRun& run, const Dl3IndexRequest& request,
                       std::vector<fs::path>& left_out) {
  const fs::path hdu_target = request.output_dir / hdu_index_name,
                 obs_target = request.output_dir / obs_index_name;
  if (run.activity().dry_run) {
    for (const fs::path& input : request.inputs) run.use("dl3_run", input);
    run.plan_product("hdu_index", hdu_target);
    run.plan_product("obs_index", obs_target);
    return 0;
  }
  const std::vector<Dl3File> files = read_files(request.inputs, left_out);
  for (const Dl3File& file : files) run.use("dl3_run", file.path);
  write_index(run, "hdu_index", hdu_target, hdu_index(files, fs::absolute(request.output_dir)));
  write_index(run, "obs_index", obs_target, observation_index(files));
  // Only when both are written: one of today beside one of yesterday would contradict each other.
  run.publish("hdu_index");
  run.publish("obs_index");
  return std::int64_t(files.size());
}

}  // namespace alisio::pipeline
