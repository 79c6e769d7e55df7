// DL2 against what lstchain makes of the same DL1. With the sample data skipped without them, or
// without a Python that converts their models.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "lib/io/hdf5/file.hpp"
#include "lib/io/hdf5/table.hpp"
#include "reco/dl2/dl2.hpp"

namespace alisio::dl2 {
namespace {

namespace fs = std::filesystem;

fs::path shared_folder() {
  const char* folder = std::getenv("ALISIO_SHARED");
  return folder != nullptr ? fs::path(folder) : fs::path(ALISIO_SOURCE_DIR) / ".." / "shared";
}

hdf5::Rows read_table(const fs::path& file, const std::string& path) {
  const auto input = hdf5::File::open(file);
  return hdf5::TableReader(input, path).read_all();
}

Dl1Columns read_dl1(const fs::path& file) {
  const auto rows = read_table(file, "/dl1/event/telescope/parameters/LST_LSTCam");
  Dl1Columns dl1;
  dl1.obs_id = rows.column<std::int64_t>("obs_id");
  dl1.event_id = rows.column<std::int64_t>("event_id");
  dl1.alt_tel = rows.column<double>("alt_tel");
  dl1.az_tel = rows.column<double>("az_tel");
  dl1.sin_az_tel = rows.column<double>("sin_az_tel");
  dl1.dragon_time = rows.column<double>("dragon_time");
  dl1.event_type = rows.column<std::int64_t>("event_type");
  dl1.parameters.resize(rows.size());
  using P = ImageParameters;
  const std::pair<const char*, double P::*> columns[] = {{"intensity", &P::intensity},
                                                         {"log_intensity", &P::log_intensity},
                                                         {"x", &P::x},
                                                         {"y", &P::y},
                                                         {"r", &P::r},
                                                         {"length", &P::length},
                                                         {"width", &P::width},
                                                         {"psi", &P::psi},
                                                         {"skewness", &P::skewness},
                                                         {"kurtosis", &P::kurtosis},
                                                         {"wl", &P::wl},
                                                         {"time_gradient", &P::time_gradient}};
  for (const auto& [name, member] : columns) {
    const auto values = rows.column<double>(name);
    for (std::size_t i = 0; i < values.size(); ++i) dl1.parameters[i].*member = values[i];
  }
  const auto leakage = rows.column<float>("leakage_intensity_width_2");
  for (std::size_t i = 0; i < leakage.size(); ++i) {
    dl1.parameters[i].leakage_intensity_width_2 = leakage[i];
  }
  return dl1;
}

/// Return the converted model set of the sample data, or an empty path.
fs::path converted_models(const std::string& name) {
  const fs::path output = fs::path(testing::TempDir()) / ("golden_" + name + ".forest");
  const char* python = std::getenv("ALISIO_PYTHON");
  const std::string command = std::string(python != nullptr ? python : "python3") +
                              " " ALISIO_SOURCE_DIR "/scripts/convert-models '" +
                              (shared_folder() / "data" / "models" / name).string() + "' '" +
                              output.string() + "' > /dev/null 2>&1";
  return std::system(command.c_str()) == 0 ? output : fs::path();
}

void compare(const fs::path& dl1_file, const fs::path& dl2_file, const forest::ForestFile& file,
             bool interpolate) {
  Options options;
  options.interpolate_energy = options.interpolate_direction = options.interpolate_gammaness =
      interpolate;
  const Dl2Columns dl2 = reconstruct(read_dl1(dl1_file), ModelSet::from(file), options);
  const auto golden = read_table(dl2_file, "/dl2/event/telescope/parameters/LST_LSTCam");

  ASSERT_EQ(dl2.dl1.event_id, golden.column<std::int64_t>("event_id"));
  EXPECT_EQ(dl2.reco_disp_sign, golden.column<std::int64_t>("reco_disp_sign"));
  EXPECT_EQ(dl2.reco_type, golden.column<std::int64_t>("reco_type"));
  std::map<std::string, std::pair<const std::vector<double>*, double>> columns = {
      {"delta_t", {&dl2.delta_t, 0}},
      {"log_reco_energy", {&dl2.log_reco_energy, 1e-12}},
      {"reco_energy", {&dl2.reco_energy, 1e-11}},
      {"reco_disp_norm", {&dl2.reco_disp_norm, 1e-12}},
      {"reco_disp_sign_proba", {&dl2.reco_disp_sign_proba, 1e-12}},
      {"reco_disp_dx", {&dl2.reco_disp_dx, 1e-12}},
      {"reco_disp_dy", {&dl2.reco_disp_dy, 1e-12}},
      {"reco_src_x", {&dl2.reco_src_x, 1e-12}},
      {"reco_src_y", {&dl2.reco_src_y, 1e-12}},
      {"signed_time_gradient", {&dl2.signed_time_gradient, 0}},
      {"signed_skewness", {&dl2.signed_skewness, 0}},
      {"reco_alt", {&dl2.reco_alt, 1e-9}},
      {"reco_az", {&dl2.reco_az, 1e-9}},
      {"gammaness", {&dl2.gammaness, 1e-12}}};
  if (interpolate) {
    columns["alt0"] = {&dl2.alt0, 1e-15};
    columns["alt1"] = {&dl2.alt1, 1e-15};
    columns["w0"] = {&dl2.w0, 1e-12};
    columns["w1"] = {&dl2.w1, 1e-12};
  }
  for (const auto& [name, expected] : columns) {
    const auto& [values, tolerance] = expected;
    const auto reference = golden.column<double>(name);
    ASSERT_EQ(values->size(), reference.size()) << name;
    for (std::size_t i = 0; i < reference.size(); ++i) {
      ASSERT_NEAR((*values)[i], reference[i], tolerance) << name << ", row " << i;
    }
  }
}

/// @param variants of lstchain's DL2 of the 10 000 events
void compare_all(const std::string& models, const std::vector<std::string>& variants) {
  const fs::path data = shared_folder() / "data";
  const fs::path reference = data / "reference";
  if (!fs::exists(data)) GTEST_SKIP() << "no sample data";
  const fs::path forest_file = converted_models(models);
  if (forest_file.empty()) {
    GTEST_SKIP() << "no Python with numpy to convert models (ALISIO_PYTHON may name one)";
  }
  const auto file = forest::ForestFile::open(forest_file);
  file.verify();
  const std::string name = "LST-1.Run02009.0000.h5";
  for (const std::string& variant : variants) {
    const fs::path expected = reference / "dl2_10k" / (models + "_" + variant) / ("dl2_" + name);
    compare(data / "dl1_10k" / ("dl1_" + name), expected, file, variant == "interp");
  }
  for (const std::string subrun : {"Run11220.0000.h5", "Run11220.0001.h5"}) {
    compare(reference / "dl1" / ("dl1_LST-1." + subrun),
            reference / ("dl2_" + models) / ("dl2_LST-1." + subrun), file, true);
  }
}

/// Of a simulated night, from test/peers/make_reference_data.py.
TEST(Dl2Golden, EqualsLstchainWithTinyModels) {
  const fs::path data = ALISIO_SOURCE_DIR "/test/data/lstchain";
  const auto file = forest::ForestFile::open(data / "tiny.forest");
  file.verify();
  compare(data / "dl1_LST-1.Run11220.0000.h5", data / "dl2_LST-1.Run11220.0000.h5", file, true);
}

TEST(Dl2Golden, EqualsLstchainWithSmallModels) {
  compare_all("small", {"interp"});
}

TEST(Dl2Golden, EqualsLstchainWithStandardModels) {
  compare_all("standard", {"interp", "nointerp"});
}

}  // namespace
}  // namespace alisio::dl2
