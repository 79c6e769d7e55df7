#include "lib/pipeline/dl1ab.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <string_view>

#include "lib/base/error.hpp"
#include "lib/base/log.hpp"
#include "lib/event/image_parameter_columns.hpp"
#include "lib/flow/ordered_pipeline.hpp"
#include "lib/flow/scratch_pool.hpp"
#include "lib/pipeline/catb_tables.hpp"
#include "lib/pipeline/check_dl1.hpp"
#include "lib/pipeline/cut.hpp"
#include "lib/pipeline/dl1_layout.hpp"
#include "lib/pipeline/dl1_writer.hpp"
#include "lib/pipeline/names.hpp"
#include "lib/pipeline/options.hpp"
#include "lib/pipeline/table_copy.hpp"
#include "lib/pipeline/unusable_pixels.hpp"
#include "lib/stage/description.hpp"
#include "lib/stage/product_name.hpp"
#include "reco/clean/pedestal_threshold.hpp"
#include "reco/params/process_block.hpp"

namespace alisio::pipeline {
namespace fs = std::filesystem;
namespace {

using hdf5::ColumnSource;
using hdf5::ColumnSpec;
using hdf5::ScalarType;

constexpr std::size_t block_events = 32;
constexpr const char* sources_path = "/source_filenames";
constexpr const char* pedestal_block = "tailcuts_clean_with_pedestal_threshold";
/// What a run's own cleaning file decides on; the rest of a full configuration is not looked at.
const std::vector<std::string> tailcuts_blocks{"tailcut", pedestal_block, "dynamic_cleaning",
                                               "LocalPeakWindowSum", "image_modifier"};

/// How the images of a file are treated: the same for all events but for the Cat-B interval.
struct Treatment {
  clean::CleaningOptions cleaning;
  std::vector<double> thresholds;  ///< [pixel], p.e.; empty: cleaning.picture_thresh
  bool with_catb = false;
  CatBConstants catb;
  std::vector<std::vector<double>> catb_thresholds;  ///< [interval][pixel], or empty
  int window_width = 0;                              ///< samples
};

/// Some consecutive events on their way through the pipeline.
struct Block {
  std::size_t size = 0;
  hdf5::Rows images, rows;
  std::vector<float> image, peak_time;       ///< [event][pixel]
  std::vector<std::int8_t> gain;             ///< [event][pixel], with Cat-B
  std::vector<std::uint8_t> mask;            ///< [event][pixel]
  std::vector<double> trigger_time, az_tel;  ///< [event]
  std::vector<double> src_x, src_y;          ///< [event], of simulations, m
  std::vector<std::int64_t> calibration_id;  ///< [event], with Cat-B
  std::vector<ImageParameters> parameters;
  hdf5::CompressedChunk chunk;
  CheckColumns check_columns;
  check::Prepared prepared_check;

  [[nodiscard]] check::Events events() const {
    return check_columns.events(parameters, image, peak_time);
  }
};

/// What a thread works with; borrowed, so that nothing is allocated per event.
struct Workspace {
  explicit Workspace(std::size_t n_pixels)
      : scratch(n_pixels), image(n_pixels), peak_time(n_pixels) {}
  params::Scratch scratch;
  std::vector<double> image, peak_time;  ///< corrected by Cat-B
  std::vector<std::byte> packed;
};

/// A column that dl1ab computes, and how its value of event i of a block is had.
struct Computed {
  std::string_view name;
  std::function<double(const Block&, std::size_t)> value;
};

Computed computed_from(const ImageParameterColumn& column) {
  return {column.name, [member = column.member](const Block& block, std::size_t i) {
            return value_of(block.parameters[i], member);
          }};
}

/// The vector from the centroid to the simulated source, along and across the image axis.
double disp_dx(const Block& b, std::size_t i) {
  return b.src_x[i] - b.parameters[i].x;
}
double disp_dy(const Block& b, std::size_t i) {
  return b.src_y[i] - b.parameters[i].y;
}
double disp_along(const Block& b, std::size_t i) {
  const double psi = b.parameters[i].psi;
  return disp_dx(b, i) * std::cos(psi) + disp_dy(b, i) * std::sin(psi);
}
std::vector<Computed> of_simulations() {
  return {{"disp_dx", disp_dx},
          {"disp_dy", disp_dy},
          {"disp_norm", [](const Block& b, std::size_t i) { return std::abs(disp_along(b, i)); }},
          {"disp_angle",
           [](const Block& b, std::size_t i) { return std::atan(disp_dy(b, i) / disp_dx(b, i)); }},
          {"disp_sign", [](const Block& b, std::size_t i) {
             const double along = disp_along(b, i);
             return along == 0 || std::isnan(along) ? along : std::copysign(1.0, along);
           }}};
}

/// Return what is computed for an input with these columns.
std::vector<Computed> computed_columns(const hdf5::TableReader& input, bool with_catb) {
  const auto input_has = [&](std::string_view name) { return input.has_column(std::string(name)); };
  const bool has_uncertainties =
      std::ranges::any_of(image_parameter_columns, [&](const ImageParameterColumn& column) {
        return is_uncertainty(column) && input_has(column.name);
      });
  std::vector<Computed> computed;
  for (const ImageParameterColumn& column : image_parameter_columns)
    if (has_uncertainties || !is_uncertainty(column)) computed.push_back(computed_from(column));
  computed.push_back(
      {"sin_az_tel", [](const Block& b, std::size_t i) { return std::sin(b.az_tel[i]); }});
  if (std::vector<Computed> disp = of_simulations();
      std::ranges::any_of(disp, input_has, &Computed::name))
    std::ranges::move(disp, std::back_inserter(computed));
  if (with_catb)
    computed.push_back({"calibration_id",
                        [](const Block& b, std::size_t i) { return double(b.calibration_id[i]); }});
  return computed;
}

template <typename T>
void store_as(double value, std::byte* to) {
  T stored{};
  if constexpr (std::is_floating_point_v<T>)
    stored = static_cast<T>(value);
  else if (!std::isnan(value))
    stored = static_cast<T>(value);
  std::memcpy(to, &stored, sizeof stored);
}

/// Store a value in the type that the input file gives the column.
void store(double value, ScalarType type, std::byte* to) {
  switch (type) {
    case ScalarType::float64:
      return store_as<double>(value, to);
    case ScalarType::float32:
      return store_as<float>(value, to);
    case ScalarType::int64:
      return store_as<std::int64_t>(value, to);
    case ScalarType::uint64:
      return store_as<std::uint64_t>(value, to);
    case ScalarType::int32:
      return store_as<std::int32_t>(value, to);
    case ScalarType::uint32:
      return store_as<std::uint32_t>(value, to);
    case ScalarType::int16:
      return store_as<std::int16_t>(value, to);
    case ScalarType::uint16:
      return store_as<std::uint16_t>(value, to);
    case ScalarType::int8:
      return store_as<std::int8_t>(value, to);
    case ScalarType::uint8:
    case ScalarType::boolean:
      return store_as<std::uint8_t>(value, to);
    case ScalarType::text:
      throw Error(ErrorKind::bad_input, "a column of image parameters holds text", parameters_path);
  }
}

/// The parameters table under way: columns of the input as they are, or computed anew.
class ParameterTable {
 public:
  ParameterTable(hdf5::File& file, const hdf5::TableReader& input,
                 const std::vector<Computed>& computed) {
    const std::vector<ColumnSpec> known = parameter_columns();
    std::vector<ColumnSpec> columns;
    const auto add = [&](ColumnSpec spec, const Computed* value) {
      columns_.push_back({spec.name, spec.type, value, {}});
      columns.push_back(std::move(spec));
    };
    for (const hdf5::ColumnInfo& column : input.columns()) {
      const auto found = std::ranges::find(computed, column.name, &Computed::name);
      const bool is_computed = found != computed.end() && column.items == 1;
      add(spec_of(column, known), is_computed ? &*found : nullptr);
    }
    for (const Computed& value : computed) {
      if (input.has_column(std::string(value.name))) continue;
      const auto spec = std::ranges::find(known, value.name, &ColumnSpec::name);
      if (spec != known.end()) add(*spec, &value);
    }
    table_.emplace(file, hdf5::TableSpec{.path = parameters_path,
                                         .title = "",
                                         .columns = std::move(columns),
                                         .chunk_rows = 202,
                                         .compression_level = 1});
  }

  void append(const Block& block) {
    sources_.clear();
    for (Column& column : columns_) {
      if (column.computed == nullptr) {
        sources_.push_back(block.rows.source(column.name));
        continue;
      }
      ColumnSpec one;
      one.type = column.type;
      const std::size_t bytes = one.bytes();
      column.values.resize(block.size * bytes);
      for (std::size_t i = 0; i < block.size; ++i)
        store(column.computed->value(block, i), column.type, &column.values[i * bytes]);
      sources_.push_back({column.values.data(), bytes});
    }
    table_->append(block.size, sources_);
  }

  hdf5::TableWriter& table() { return *table_; }

 private:
  struct Column {
    std::string name;
    ScalarType type;
    const Computed* computed;  ///< null: copied
    std::vector<std::byte> values;
  };
  std::vector<Column> columns_;
  std::vector<ColumnSource> sources_;
  std::optional<hdf5::TableWriter> table_;
};

/// Return the picture thresholds that the pedestals of a DL1 file ask for, [pixel], p.e.
std::vector<double> thresholds_of(const hdf5::File& dl1, std::size_t n_pixels, double sigma,
                                  double floor) {
  const std::string where = dl1.path().string();
  const char* const remedy = "give --no-pedestal-cleaning, or a file of r0-to-dl1";
  for (const char* path : {pedestal_path, calibration_path})
    if (!dl1.exists(path))
      throw Error(ErrorKind::bad_input,
                  fmt::format("has no table '{}' to take picture thresholds from", path), where,
                  remedy);
  const hdf5::TableReader pedestals(dl1, pedestal_path), calibrations(dl1, calibration_path);
  if (pedestals.row_count() == 0 || calibrations.row_count() == 0)
    throw Error(ErrorKind::bad_input, "holds no pedestals to take picture thresholds from", where,
                remedy);
  if (!calibrations.has_column("dc_to_pe"))
    throw Error(ErrorKind::bad_input,
                "its calibration table has no dc_to_pe (data calibrated by the event builder), so "
                "that pedestals are not known in p.e.",
                where, "give --no-pedestal-cleaning");
  const std::uint64_t row = pedestals.row_count() > 1 ? 1 : 0;
  const hdf5::Rows pedestal = pedestals.read(row, 1);
  const auto named = pedestal.column<std::int64_t>("calibration_id")[0];
  if (named < 0 || std::uint64_t(named) >= calibrations.row_count())
    throw Error(ErrorKind::bad_input,
                fmt::format("pedestal row {} names calibration {}, of which there are {}", row,
                            named, calibrations.row_count()),
                where, remedy);
  const bool same_length = pedestals.row_count() == calibrations.row_count();
  if (!same_length)
    spdlog::warn(
        "{}: {} pedestal and {} calibration rows; row {} of the pedestals goes with row "
        "{} of the calibrations, which it names",
        where, pedestals.row_count(), calibrations.row_count(), row, named);
  const hdf5::Rows calibration = calibrations.read(same_length ? row : std::uint64_t(named), 1);
  const hdf5::Rows status = calibrations.read(std::uint64_t(named), 1);
  const auto high_gain = [&]<typename T>(const hdf5::Rows& from, const char* name, T) {
    std::vector<T> values = from.arrays<T>(name);
    if (values.size() != 2 * n_pixels)
      throw Error(ErrorKind::bad_input,
                  fmt::format("column '{}' holds {} values, not 2 gains of {} pixels", name,
                              values.size(), n_pixels),
                  where, "give the telescope's own file");
    values.resize(n_pixels);
    return values;
  };
  const auto mean = high_gain(pedestal, "charge_mean", double{});
  const auto deviation = high_gain(pedestal, "charge_std", double{});
  const auto factor = high_gain(calibration, "dc_to_pe", double{});
  const auto unusable = high_gain(status, "unusable_pixels", std::uint8_t{});
  return clean::pedestal_picture_thresholds({.charge_mean = mean,
                                             .charge_std = deviation,
                                             .dc_to_pe = factor,
                                             .unusable_pixels = unusable},
                                            sigma, floor, clean::UnusableThreshold::largest);
}

/// Return the telescope with the pixels that the file itself describes: simulations may differ.
instrument::Telescope telescope_of(const hdf5::File& dl1, const instrument::Telescope& telescope) {
  constexpr const char* path = "/configuration/instrument/telescope/camera/geometry_0";
  constexpr double same_place = 1e-9;  // m
  instrument::Telescope own = telescope;
  if (!dl1.exists(path)) return own;
  instrument::CameraGeometry& geometry = own.geometry;
  const hdf5::TableReader table(dl1, path);
  // Merged files hold the table several times over.
  if (table.row_count() == 0 || table.row_count() % geometry.n_pixels != 0)
    throw Error(ErrorKind::bad_input,
                fmt::format("holds a camera of {} pixels; {} has {}", table.row_count(),
                            geometry.name, geometry.n_pixels),
                dl1.path().string(), "give the telescope's own file");
  const hdf5::Rows rows = table.read(0, geometry.n_pixels);
  const auto x = rows.column<double>("pix_x"), y = rows.column<double>("pix_y");
  bool same = true;
  for (std::size_t i = 0; i < geometry.n_pixels && same; ++i)
    same =
        std::abs(x[i] - geometry.x[i]) < same_place && std::abs(y[i] - geometry.y[i]) < same_place;
  if (same) return own;
  spdlog::info("{}: its own camera geometry is used", dl1.path().string());
  geometry.x = x;
  geometry.y = y;
  geometry.area = rows.column<double>("pix_area");
  instrument::complete_geometry(geometry, dl1.path().string());
  return own;
}

Treatment treatment_of(const hdf5::File& dl1, const Dl1abRequest& request,
                       const config::Configuration& configuration,
                       const instrument::Telescope& telescope) {
  const std::size_t n_pixels = telescope.geometry.n_pixels;
  const bool with_pedestals =
      configuration.boolean("dl1ab.pedestal_cleaning") && !dl1.exists("/simulation");
  Treatment treatment;
  treatment.cleaning = cleaning_options(configuration, with_pedestals ? pedestal_block : "tailcut");
  const double floor = treatment.cleaning.picture_thresh;
  const double sigma = configuration.number(std::string(pedestal_block) + ".sigma");
  treatment.window_width = int(configuration.integer("LocalPeakWindowSum.window_width"));
  treatment.with_catb = !request.cat_b.empty();
  if (treatment.with_catb) {
    treatment.catb = read_catb(hdf5::File::open(request.cat_b), telescope.tel_id, n_pixels);
    const CatBConstants& constants = treatment.catb;
    for (std::size_t i = 0; with_pedestals && i < constants.intervals.size(); ++i) {
      const recalibrate::Interval& interval = constants.intervals[i];
      treatment.catb_thresholds.push_back(clean::pedestal_picture_thresholds(
          {.charge_mean = constants.pedestal_mean[i],
           .charge_std = constants.pedestal_std[i],
           .dc_to_pe = std::span(interval.dc_to_pe).first(n_pixels),
           .unusable_pixels = std::span(interval.unusable_pixels).first(n_pixels)},
          sigma, floor, clean::UnusableThreshold::floor));
    }
  } else if (with_pedestals) {
    treatment.thresholds = thresholds_of(dl1, n_pixels, sigma, floor);
    spdlog::info("{}: {:.2f} % of the pixels have a picture threshold above {} p.e.",
                 request.input.string(), 100 * clean::fraction_above(treatment.thresholds, floor),
                 floor);
  }
  return treatment;
}

/// Clean and parametrise the images of a block, after Cat-B has corrected them if it is to.
void process(Block& block, const Treatment& treatment, const instrument::Telescope& telescope,
             Workspace& work) {
  const std::size_t n = telescope.geometry.n_pixels;
  for (std::size_t i = 0; i < block.size; ++i) {
    const std::span<float> image(&block.image[i * n], n), time(&block.peak_time[i * n], n);
    const std::span<std::uint8_t> mask(&block.mask[i * n], n);
    if (!treatment.with_catb) {
      block.parameters[i] = params::process_image(
          std::span<const float>(image), std::span<const float>(time), telescope,
          treatment.cleaning, treatment.thresholds, mask, work.scratch);
      continue;
    }
    const std::size_t interval =
        recalibrate::interval_at(treatment.catb.time_min, block.trigger_time[i]);
    block.calibration_id[i] = std::int64_t(interval);
    recalibrate::correct_image(image, time, {&block.gain[i * n], n},
                               treatment.catb.intervals[interval], treatment.window_width,
                               work.image, work.peak_time);
    const std::span<const double> thresholds = treatment.catb_thresholds.empty()
                                                   ? std::span<const double>()
                                                   : treatment.catb_thresholds[interval];
    block.parameters[i] = params::process_image(std::span<const double>(work.image),
                                                std::span<const double>(work.peak_time), telescope,
                                                treatment.cleaning, thresholds, mask, work.scratch);
    for (std::size_t k = 0; k < n; ++k) {
      image[k] = float(work.image[k]);
      time[k] = float(work.peak_time[k]);
    }
  }
}

/// The image table under way. pack() may be called from any thread.
class ImageTable {
 public:
  ImageTable(hdf5::File& file, const hdf5::TableReader& input, std::size_t n_pixels,
             std::size_t chunk_rows, bool with_catb)
      : n_pixels_(n_pixels), with_catb_(with_catb) {
    std::vector<ColumnSpec> columns;
    const std::vector<ColumnSpec> known = image_columns(n_pixels);
    for (const hdf5::ColumnInfo& column : input.columns()) {
      columns.push_back(spec_of(column, known));
      // Charges and times of other types are brought to the layout's own.
      if (is_corrected(column.name)) columns.back().type = ScalarType::float32;
      names_.push_back(column.name);
    }
    table_.emplace(file, hdf5::TableSpec{.path = images_path,
                                         .title = "",
                                         .columns = std::move(columns),
                                         .chunk_rows = chunk_rows,
                                         .compression_level = 5,
                                         .codec = hdf5::Codec::lz4,
                                         .item_bytes = sizeof(float)});
  }
  void pack(Block& block, std::vector<std::byte>& packed) const {
    std::vector<ColumnSource> sources;
    for (const std::string& name : names_) {
      if (name == "image_mask")
        sources.push_back(ColumnSource::of(block.mask, n_pixels_));
      else if (is_corrected(name))
        sources.push_back(
            ColumnSource::of(name == "image" ? block.image : block.peak_time, n_pixels_));
      else
        sources.push_back(block.images.source(name));
    }
    table_->pack(block.size, sources, packed);
    block.chunk = table_->compress(packed, block.size);
  }
  hdf5::TableWriter& table() { return *table_; }

 private:
  [[nodiscard]] bool is_corrected(const std::string& name) const {
    return with_catb_ && (name == "image" || name == "peak_time");
  }
  std::size_t n_pixels_;
  bool with_catb_;
  std::vector<std::string> names_;
  std::optional<hdf5::TableWriter> table_;
};

/// Look at what the names of constants say: those of another run may be meant, Cat-A never is.
void check_names(const SubrunId& id, const Dl1abRequest& request) {
  if (request.cat_b.filename().string().starts_with("calibration"))
    throw Error(ErrorKind::usage,
                "is a charge calibration (Cat-A) by its name: its factors are not those of Cat-B",
                request.cat_b.string(), "give cat_B_calibration_filters_*.RunRRRRR.h5");
  for (const fs::path& file : {request.cat_b, request.tailcuts})
    if (const std::string run = run_in_name(file); !run.empty() && run != run_text(id.run))
      spdlog::warn("{}: is of run {}, the images are of run {}", file.string(), run,
                   run_text(id.run));
}

void check_input(const hdf5::File& dl1, const Dl1abRequest& request) {
  const std::string where = request.input.string();
  if (!dl1.exists(images_path))
    throw Error(ErrorKind::bad_input, fmt::format("holds no images ('{}')", images_path), where,
                "give the file that r0-to-dl1 made; --no-image and merging leave images out");
  const auto images = hdf5::TableReader(dl1, images_path).row_count();
  const auto events = hdf5::TableReader(dl1, parameters_path).row_count();
  if (images != events)
    throw Error(ErrorKind::bad_input,
                fmt::format("holds {} images and the parameters of {} events", images, events),
                where, "make or copy the file again");
  if (events == 0)
    throw Error(ErrorKind::bad_input, "holds no events", where,
                "leave the subrun out, or make its DL1 again");
  if (dl1.exists(catb_path) && !request.cat_b.empty())
    throw Error(ErrorKind::bad_input, "its charges are corrected by Cat-B already", where,
                "give the file that r0-to-dl1 made, or leave --cat-b out");
  if (dl1.exists(sources_path))
    spdlog::warn("{}: made by dl1ab or merged already; its images are cleaned once more", where);
}

}  // namespace

ActivityNote dl1ab_activity(const Dl1abRequest& request, const JobContext& context,
                            const config::Configuration& configuration) {
  return dl1_activity_note("dl1ab", request.input, context, configuration);
}

std::int64_t dl1ab(stage::StageRun& run, const Dl1abRequest& request,
                   const config::Configuration& configuration,
                   const instrument::Telescope& standard_telescope) {
  const fs::path target = request.output_dir / request.input.filename();
  if (fs::weakly_canonical(target) == fs::weakly_canonical(request.input))
    throw Error(ErrorKind::usage, "the product would replace its own input", target.string(),
                "give another --output-dir");
  run.use("dl1_subrun", request.input);
  if (!request.tailcuts.empty()) run.use("tailcuts", request.tailcuts);
  if (!request.cat_b.empty()) run.use("catb_calibration", request.cat_b);
  const SubrunId id = subrun_or_run_of(request.input);
  const fs::path check_target = request.output_dir / stage::product_name("dl1_datacheck", id);
  // A data check is of one subrun; those of a run are merged.
  const bool with_check = configuration.boolean("data_check.write") && id.subrun != all_subruns;
  if (run.activity().dry_run) {
    run.plan_product("dl1b_subrun", target);
    if (with_check) run.plan_product("dl1_datacheck", check_target);
    return 0;
  }

  config::Configuration effective = configuration;
  if (!request.tailcuts.empty() && effective.read_blocks(request.tailcuts, tailcuts_blocks) == 0)
    throw Error(ErrorKind::bad_input, "holds no cleaning levels", request.tailcuts.string(),
                "give the file that find-tailcuts made");
  effective.require_followed("dl1ab");
  check_names(id, request);
  const std::string config_json =
      effective.section_json(stage::description("dl1ab").configuration_sections);

  const hdf5::File dl1 = hdf5::File::open(request.input);
  inherit_cut(run, dl1);
  check_input(dl1, request);
  const instrument::Telescope telescope = telescope_of(dl1, standard_telescope);
  const Treatment treatment = treatment_of(dl1, request, effective, telescope);
  const hdf5::TableReader image_rows(dl1, images_path), parameter_rows(dl1, parameters_path);
  const std::size_t n_pixels = telescope.geometry.n_pixels;
  for (const char* name : {"image", "peak_time"})
    if (const auto& column = hdf5::find_column(image_rows.columns(), name, request.input.string());
        column.items != n_pixels)
      throw Error(ErrorKind::bad_input,
                  fmt::format("column '{}' holds {} pixels, not {}", name, column.items, n_pixels),
                  request.input.string(), "give the telescope's own file");

  const std::vector<Computed> computed = computed_columns(parameter_rows, treatment.with_catb);
  const bool has_disp = std::ranges::find(computed, "disp_dx", &Computed::name) != computed.end();

  PendingFile& product = run.create("dl1b_subrun", target);
  hdf5::File file = hdf5::File::create(product.path());
  std::vector<std::string> left_out{images_path, parameters_path, sources_path, "/provenance"};
  copy_except(dl1, file, left_out);
  file.write_texts(std::string(sources_path) + "/filenames", {request.input.filename().string()},
                   "List of files merged");
  if (treatment.with_catb) {
    const auto gti = good_intervals(treatment.catb, effective.integer("dl1ab.max_unusable_pixels"));
    if (const auto bad = std::ranges::count(gti, 0); bad > 0)
      spdlog::warn("{}: {} of {} intervals have {} or more unusable pixels (gti is false)",
                   request.cat_b.string(), bad, gti.size(),
                   effective.integer("dl1ab.max_unusable_pixels"));
    copy_catb_tables(hdf5::File::open(request.cat_b), file, telescope.tel_id, n_pixels, gti);
  }

  // Blocks are whole chunks of the input where those are larger: no chunk is decoded twice.
  const std::size_t rows_per_block = std::max(block_events, image_rows.chunk_rows());
  const std::size_t total = image_rows.row_count();
  ParameterTable parameters(file, parameter_rows, computed);
  std::optional<ImageTable> images;
  if (effective.boolean("dl1ab.store_images"))
    images.emplace(file, image_rows, n_pixels, rows_per_block, treatment.with_catb);

  // Simulations have neither times nor trigger bits to check.
  std::optional<check::Accumulator> data_check;
  if (with_check && !dl1.exists("/simulation")) data_check.emplace(telescope, id.run, id.subrun);
  const bool has_jumps = parameter_rows.has_column("ucts_jump");
  flow::ScratchPool<Workspace> workspaces([&] { return std::make_unique<Workspace>(n_pixels); });
  std::size_t first = 0;
  std::int64_t events = 0;
  const auto produce = [&](Block& block) {
    block.size = std::min(rows_per_block, total - first);
    if (block.size == 0) return false;
    block.images = image_rows.read(first, block.size);
    block.rows = parameter_rows.read(first, block.size);
    first += block.size;
    block.images.arrays_into("image", block.image);
    block.images.arrays_into("peak_time", block.peak_time);
    block.rows.column_into("az_tel", block.az_tel);
    block.mask.resize(block.size * n_pixels);
    block.parameters.resize(block.size);
    if (treatment.with_catb) {
      block.images.arrays_into("selected_gain_channel", block.gain);
      block.rows.column_into("trigger_time", block.trigger_time);
      block.calibration_id.resize(block.size);
    }
    if (has_disp) {
      block.rows.column_into("src_x", block.src_x);
      block.rows.column_into("src_y", block.src_y);
    }
    return true;
  };
  const auto work = [&](Block& block) {
    workspaces.with_scratch([&](Workspace& space) {
      process(block, treatment, telescope, space);
      if (images) images->pack(block, space.packed);
    });
    if (data_check) {
      block.check_columns.read(block.rows, has_jumps);
      data_check->prepare(block.events(), block.prepared_check);
    }
  };
  const auto consume = [&](Block& block) {
    if (images) images->table().write_chunk(block.chunk);
    parameters.append(block);
    if (data_check) data_check->add(block.events(), block.prepared_check);
    events += std::int64_t(block.size);
    if (request.progress) request.progress(events, std::int64_t(total));
  };
  flow::ThreadPool pool(request.threads);
  std::vector<Block> blocks(request.threads > 1 ? 2 * std::size_t(request.threads) : 1);
  flow::run_ordered<Block>(pool, blocks, {produce, work, consume});

  if (images) {
    write_table_attributes(images->table(), config_json);
    images->table().finish();
  }
  write_table_attributes(parameters.table(), config_json);
  parameters.table().finish();
  write_file_attributes(file, run.metadata("dl1b_subrun"), "dl1ab");
  file.close();
  run.publish("dl1b_subrun");
  if (data_check) {
    check::SubrunCheck checked = data_check->finish();
    add_calibration(checked, unusable_in_dl1(dl1, n_pixels));
    publish_check(run, check_target, checked, config_json, configuration);
  }
  return events;
}

}  // namespace alisio::pipeline
