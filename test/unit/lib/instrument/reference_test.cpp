// The camera data files hold, bit for bit, what the peers store with their products.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/table.hpp"

namespace alisio::instrument {
namespace {
namespace fs = std::filesystem;

TEST(Reference, camera_data_are_those_of_the_peers) {
  const char* shared = std::getenv("ALISIO_SHARED");
  const auto path = fs::path(shared != nullptr ? shared : ALISIO_SOURCE_DIR "/../shared") /
                    "data/reference/dl1/dl1_LST-1.Run11220.0000.h5";
  if (!fs::exists(path)) GTEST_SKIP() << "no sample data";
  const auto telescope = load_telescope(std::string(ALISIO_SOURCE_DIR) + "/cfg");
  const auto file = hdf5::File::open(path);
  const std::string instrument = "/configuration/instrument/";
  const std::string camera = instrument + "telescope/camera/";

  const auto pixels = hdf5::TableReader(file, camera + "geometry_0").read_all();
  EXPECT_EQ(pixels.column<std::int64_t>("pix_id"), telescope.geometry.pix_id);
  EXPECT_EQ(pixels.column<double>("pix_x"), telescope.geometry.x);
  EXPECT_EQ(pixels.column<double>("pix_y"), telescope.geometry.y);
  EXPECT_EQ(pixels.column<double>("pix_area"), telescope.geometry.area);
  EXPECT_EQ(file.text_attribute(camera + "geometry_0", "CAM_ID"), telescope.geometry.name);
  EXPECT_EQ(file.text_attribute(camera + "geometry_0", "PIX_TYPE"), telescope.geometry.pixel_type);
  EXPECT_EQ(file.text_attribute(camera + "geometry_0", "TAB_VER"),
            telescope.geometry.table_version);
  EXPECT_EQ(file.number_attribute(camera + "geometry_0", "PIX_ROT"),
            telescope.geometry.pixel_rotation_deg);

  const auto& readout = telescope.readout;
  const auto pulse = hdf5::TableReader(file, camera + "readout_0").read_all();
  EXPECT_EQ(pulse.column<double>("reference_pulse_sample_time"), readout.reference_pulse_time);
  EXPECT_EQ(pulse.column<double>("reference_pulse_shape_channel0"),
            readout.reference_pulse_shape[0]);
  EXPECT_EQ(pulse.column<double>("reference_pulse_shape_channel1"),
            readout.reference_pulse_shape[1]);
  EXPECT_EQ(file.number_attribute(camera + "readout_0", "SAMPFREQ"), readout.sampling_rate);
  EXPECT_EQ(file.number_attribute(camera + "readout_0", "REFWIDTH"), readout.reference_pulse_width);

  const auto optics = hdf5::TableReader(file, instrument + "telescope/optics").read_all();
  EXPECT_EQ(optics.column<double>("mirror_area")[0], telescope.optics.mirror_area);
  EXPECT_EQ(optics.column<double>("effective_focal_length")[0],
            telescope.optics.effective_focal_length);
  EXPECT_EQ(optics.text("reflector_shape")[0], telescope.optics.reflector_shape);

  const auto layout = hdf5::TableReader(file, instrument + "subarray/layout").read_all();
  EXPECT_EQ(layout.column<double>("pos_x")[0], telescope.position[0]);
  EXPECT_EQ(layout.column<double>("pos_y")[0], telescope.position[1]);
  EXPECT_EQ(layout.column<double>("pos_z")[0], telescope.position[2]);
  EXPECT_EQ(layout.text("tel_description")[0], telescope.description);
  EXPECT_EQ(file.number_attribute(instrument + "subarray/layout", "reference_itrs_x"),
            telescope.reference_itrs[0]);
}

}  // namespace
}  // namespace alisio::instrument
