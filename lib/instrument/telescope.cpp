#include "lib/instrument/telescope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lib/base/error.hpp"
#include "lib/instrument/text_table.hpp"

namespace alisio::instrument {
namespace fs = std::filesystem;
namespace {

/// The quantities of a telescope file, found by name.
class Quantities {
 public:
  explicit Quantities(const fs::path& path)
      : table_(path),
        name_(table_.column("quantity")),
        value_(table_.column("value")),
        unit_(table_.column("unit")) {}

  [[nodiscard]] std::string text(std::string_view name) const {
    return std::string(table_.text(row(name), value_));
  }
  [[nodiscard]] std::int64_t integer(std::string_view name) const {
    return table_.integer(row(name), value_);
  }
  /// The unit is part of the file, so that nobody has to guess it: any other than `unit` is
  /// refused.
  [[nodiscard]] double real(std::string_view name, std::string_view unit) const {
    const auto r = row(name);
    if (table_.text(r, unit_) != unit) {
      throw Error(ErrorKind::bad_input,
                  fmt::format("{} is given in \"{}\"", name, table_.text(r, unit_)),
                  table_.where(r), fmt::format("give it in {}", unit));
    }
    return table_.real(r, value_);
  }
  [[nodiscard]] const std::string& path() const noexcept { return table_.path(); }

 private:
  [[nodiscard]] std::size_t row(std::string_view name) const {
    for (std::size_t i = 0; i < table_.n_rows(); ++i) {
      if (table_.text(i, name_) == name) return i;
    }
    throw Error(ErrorKind::bad_input, fmt::format("no quantity \"{}\"", name), table_.path(),
                "add a line for it");
  }

  TextTable table_;
  std::size_t name_, value_, unit_;
};

CameraGeometry load_geometry(const fs::path& path) {
  const TextTable table(path);
  CameraGeometry geometry;
  geometry.name = table.meta_text("CAM_ID");
  geometry.pixel_type = table.meta_text("PIX_TYPE");
  geometry.table_version = table.meta_text("TAB_VER");
  geometry.camera_rotation_deg = table.meta_real("CAM_ROT");
  geometry.pixel_rotation_deg = table.meta_real("PIX_ROT");
  if (geometry.pixel_type != "hexagon") {
    throw Error(ErrorKind::bad_input,
                fmt::format("pixels of type \"{}\" are not supported", geometry.pixel_type),
                path.string(), "use a camera with hexagonal pixels");
  }
  const std::size_t n = table.n_rows();
  const auto id = table.column("pix_id"), x = table.column("pix_x"), y = table.column("pix_y"),
             area = table.column("pix_area");
  geometry.pix_id.reserve(n);
  for (auto* column : {&geometry.x, &geometry.y, &geometry.area}) column->reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    geometry.pix_id.push_back(table.integer(i, id));
    geometry.x.push_back(table.real(i, x));
    geometry.y.push_back(table.real(i, y));
    geometry.area.push_back(table.real(i, area));
  }
  complete_geometry(geometry, path.string());
  return geometry;
}

CameraReadout load_readout(const fs::path& path) {
  const TextTable table(path);
  CameraReadout readout;
  readout.camera_name = table.meta_text("CAM_ID");
  readout.table_version = table.meta_text("TAB_VER");
  const auto count = [&](std::string_view key) {
    const auto value = table.meta_integer(key);
    if (value <= 0) {
      throw Error(ErrorKind::bad_input, fmt::format("{} is not positive", key), table.path(),
                  "restore the file from the distribution");
    }
    return static_cast<std::size_t>(value);
  };
  readout.n_channels = count("NCHAN");
  readout.n_pixels = count("NPIXELS");
  readout.n_samples = count("NSAMPLES");
  readout.sampling_rate = table.meta_real("SAMPFREQ");
  readout.reference_pulse_width = table.meta_real("REFWIDTH");
  const std::size_t n = table.n_rows();
  const auto time = table.column("reference_pulse_sample_time");
  for (std::size_t i = 0; i < n; ++i) readout.reference_pulse_time.push_back(table.real(i, time));
  for (std::size_t gain = 0; gain < readout.n_channels; ++gain) {
    const auto shape = table.column(fmt::format("reference_pulse_shape_channel{}", gain));
    auto& values = readout.reference_pulse_shape.emplace_back();
    values.reserve(n);
    for (std::size_t i = 0; i < n; ++i) values.push_back(table.real(i, shape));
  }
  return readout;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

fs::path camera_file(const fs::path& cfg_folder, std::string_view camera_name,
                     std::string_view file) {
  const fs::path cameras = cfg_folder / "camera";
  const fs::path path = cameras / camera_name / file;
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) return path;
  if (camera_name.empty() || !fs::is_directory(cameras / camera_name, ignored)) {
    std::vector<std::string> known;
    for (const auto& entry : fs::directory_iterator(cameras, ignored)) {
      known.push_back(entry.path().filename().string());
    }
    std::ranges::sort(known);
    throw Error(ErrorKind::missing_input, fmt::format("no data of camera \"{}\"", camera_name),
                cameras.string(),
                known.empty() ? std::string("check the cfg folder")
                              : fmt::format("known cameras: {}", joined(known)));
  }
  throw Error(ErrorKind::missing_input, "the camera data file does not exist", path.string(),
              "check the telescope number and the cfg folder");
}

Telescope load_telescope(const fs::path& cfg_folder, std::string_view camera_name,
                         std::int64_t tel_id) {
  const Quantities file(
      camera_file(cfg_folder, camera_name, fmt::format("telescope_{:03}.ecsv", tel_id)));
  Telescope telescope;
  telescope.tel_id = file.integer("tel_id");
  telescope.name = file.text("name");
  telescope.type = file.text("type");
  telescope.description = file.text("tel_description");
  telescope.subarray = file.text("subarray");
  telescope.position = {file.real("pos_x", "m"), file.real("pos_y", "m"), file.real("pos_z", "m")};
  telescope.reference_itrs = {file.real("reference_itrs_x", "m"),
                              file.real("reference_itrs_y", "m"),
                              file.real("reference_itrs_z", "m")};
  telescope.longitude_deg = file.real("longitude", "deg");
  telescope.latitude_deg = file.real("latitude", "deg");
  telescope.height = file.real("height", "m");
  auto& optics = telescope.optics;
  optics.name = file.text("optics_name");
  optics.size_type = file.text("size_type");
  optics.reflector_shape = file.text("reflector_shape");
  optics.mirror_area = file.real("mirror_area", "m2");
  optics.n_mirrors = file.integer("n_mirrors");
  optics.n_mirror_tiles = file.integer("n_mirror_tiles");
  optics.equivalent_focal_length = file.real("equivalent_focal_length", "m");
  optics.effective_focal_length = file.real("effective_focal_length", "m");

  telescope.geometry = load_geometry(camera_file(cfg_folder, camera_name, "geometry.ecsv"));
  telescope.readout = load_readout(camera_file(cfg_folder, camera_name, "readout.ecsv"));
  const auto& names = {std::pair{"telescope", file.text("camera_name")},
                       std::pair{"geometry", telescope.geometry.name},
                       std::pair{"readout", telescope.readout.camera_name}};
  for (const auto& [what, name] : names) {
    if (name != camera_name) {
      throw Error(ErrorKind::bad_input, fmt::format("the {} file is of camera \"{}\"", what, name),
                  (cfg_folder / "camera" / camera_name).string(),
                  "restore the folder from the distribution");
    }
  }
  if (telescope.tel_id != tel_id) {
    throw Error(ErrorKind::bad_input, fmt::format("the file is of telescope {}", telescope.tel_id),
                file.path(), "restore the file from the distribution");
  }
  if (telescope.readout.n_pixels != telescope.geometry.n_pixels) {
    throw Error(ErrorKind::bad_input,
                fmt::format("the readout has {} pixels, the geometry {}",
                            telescope.readout.n_pixels, telescope.geometry.n_pixels),
                (cfg_folder / "camera" / camera_name).string(),
                "restore the folder from the distribution");
  }
  return telescope;
}

}  // namespace alisio::instrument
