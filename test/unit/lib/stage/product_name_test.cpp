#include "lib/stage/product_name.hpp"

#include <gtest/gtest.h>

#include "lib/base/error.hpp"
#include "lib/base/run_file_name.hpp"

namespace alisio::stage {
namespace {

constexpr SubrunId id{1, 2008, 3};

TEST(ProductName, IsThePeers) {
  EXPECT_EQ(product_name("dl1_subrun", id), "dl1_LST-1.Run02008.0003.h5");
  EXPECT_EQ(product_name("dl2_run", id), "dl2_LST-1.Run02008.h5");
  EXPECT_EQ(product_name("muons", id), "muons_LST-1.Run02008.0003.fits");
  EXPECT_EQ(product_name("dl1_datacheck", id), "datacheck_dl1_LST-1.Run02008.0003.h5");
  EXPECT_EQ(product_name("dl3_run", id), "dl3_LST-1.Run02008.fits");
  EXPECT_EQ(product_name("drs4_pedestal", id), "drs4_pedestal.Run02008.0000.h5");
  EXPECT_EQ(product_name("charge_calibration", id, "52"),
            "calibration_filters_52.Run02008.0000.h5");
  EXPECT_EQ(product_name("catb_calibration", id, "52"), "cat_B_calibration_filters_52.Run02008.h5");
  EXPECT_EQ(night_product_name("muons_night", 1, "20240215"), "muons_LST-1.20240215.fits");
}

TEST(ProductName, TellsItsRunAgain) {
  for (const char* const port :
       {"dl1_subrun", "dl2_subrun", "muons", "dl1_datacheck", "interleaved", "pedestal_ids"}) {
    const auto name = parse_run_file_name(product_name(port, id));
    ASSERT_TRUE(name) << port;
    EXPECT_EQ(name->run, id.run) << port;
    EXPECT_EQ(name->subrun, id.subrun) << port;
  }
}

TEST(ProductName, UnknownPortIsAMistakeOfOurs) {
  try {
    (void)product_name("dl1_subruns", id);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bug);
  }
}

}  // namespace
}  // namespace alisio::stage
