#include "lib/base/run_file_name.hpp"

#include <gtest/gtest.h>

namespace alisio {
namespace {

TEST(RunFileName, TellsStreamAndSubrunOfRawData) {
  const auto name = parse_run_file_name("/night/LST-1.4.Run02008.0123.fits.fz");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->kind, "");
  EXPECT_EQ(name->telescope, 1);
  EXPECT_EQ(name->stream, 4);
  EXPECT_EQ(name->run, 2008);
  EXPECT_EQ(name->subrun, 123);
  EXPECT_EQ(name->ending, ".fits.fz");
  EXPECT_TRUE(name->is_raw_data_of(1));
  EXPECT_FALSE(name->is_raw_data_of(2));
}

TEST(RunFileName, TellsKindOfProducts) {
  const auto subrun = parse_run_file_name("datacheck_dl1_LST-1.Run02008.0000.h5");
  ASSERT_TRUE(subrun);
  EXPECT_EQ(subrun->kind, "datacheck_dl1");
  EXPECT_EQ(subrun->telescope, 1);
  EXPECT_FALSE(subrun->stream);
  EXPECT_EQ(subrun->subrun, 0);
  EXPECT_FALSE(subrun->is_raw_data_of(1));
  EXPECT_TRUE(subrun->ends_in_any_of({".fits", ".h5"}));
  EXPECT_FALSE(subrun->ends_in_any_of({".hdf5"}));

  const auto run = parse_run_file_name("dl3_LST-1.Run12345.fits.gz");
  ASSERT_TRUE(run);
  EXPECT_EQ(run->kind, "dl3");
  EXPECT_EQ(run->run, 12345);
  EXPECT_FALSE(run->subrun);
  EXPECT_EQ(run->ending, ".fits.gz");
}

TEST(RunFileName, ConstantsTellNoTelescope) {
  const auto charge = parse_run_file_name("cat_B_calibration_filters_52.Run02006.h5");
  ASSERT_TRUE(charge);
  EXPECT_EQ(charge->kind, "cat_B_calibration_filters_52");
  EXPECT_FALSE(charge->telescope);
  EXPECT_EQ(charge->run, 2006);
  const auto unpadded = parse_run_file_name("drs4_pedestal.Run2005.0000.fits");
  ASSERT_TRUE(unpadded);
  EXPECT_EQ(unpadded->kind, "drs4_pedestal");
  EXPECT_EQ(unpadded->run, 2005);
  const auto ids = parse_run_file_name("pedestal_ids_Run02008.0001.h5");
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->kind, "pedestal_ids");
  EXPECT_EQ(ids->subrun, 1);
}

TEST(RunFileName, WhatFollowsIsTheEnding) {
  const auto copy = parse_run_file_name("dl1_LST-1.Run02008.0000_tuned.h5");
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->subrun, 0);
  EXPECT_EQ(copy->ending, "_tuned.h5");
}

TEST(RunFileName, CopiesOfRawDataAreNoRawData) {
  for (const char* const copy :
       {".LST-1.1.Run02008.0000.fits.fz", "_LST-1.1.Run02008.0000.fits.fz",
        "._LST-1.1.Run02008.0000.fits.fz", "copy_LST-1.1.Run02008.0000.fits.fz",
        "LST-01.1.Run02008.0000.fits.fz", "LST-1.001.Run02008.0000.fits.fz",
        "LST-1.10.Run02008.0000.fits.fz", "LST-1.1Run02008.0000.fits.fz",
        "LST-1.1.Run02008.0000.fits.fz.part", "LST-1.Run02008.0000.fits.fz"}) {
    const auto name = parse_run_file_name(copy);
    EXPECT_FALSE(name && name->is_raw_data_of(1)) << copy;
  }
}

TEST(RunFileName, ProductsTellATelescopeAndNoStream) {
  EXPECT_TRUE(parse_run_file_name("dl1_LST-1.Run02008.0000.h5")->is_product());
  EXPECT_FALSE(parse_run_file_name("dl1_LST-1.1.Run02008.0000.h5")->is_product());
  EXPECT_FALSE(parse_run_file_name("dl1.Run02008.0000.h5")->is_product());
  EXPECT_EQ(parse_run_file_name("dl1.LST-1.Run02008.0000.h5")->kind, "dl1.");
}

TEST(RunFileName, WhatLooksLikeANumberHasOtherDigits) {
  EXPECT_TRUE(parse_run_file_name("dl1_LST-1.Run2008.0000.h5")->has_usual_digits);
  EXPECT_TRUE(parse_run_file_name("dl1_LST-1.Run02008.h5")->has_usual_digits);
  EXPECT_FALSE(parse_run_file_name("dl1_LST-1.Run02008.20240215.h5")->has_usual_digits);
  EXPECT_FALSE(parse_run_file_name("dl1_LST-1.Run02008.1.h5")->has_usual_digits);
  EXPECT_FALSE(parse_run_file_name("dl1_LST-1.Run1234567.0000.h5")->has_usual_digits);
}

TEST(RunFileName, TheRunIsThatOfTheTelescope) {
  EXPECT_EQ(parse_run_file_name("simRun3_LST-1.1.Run02008.0000.fits.fz")->run, 2008);
  EXPECT_EQ(parse_run_file_name("of_Run3_drs4_pedestal.Run02005.0000.h5")->run, 2005);
}

TEST(RunFileName, NamesWithoutRunTellNothing) {
  for (const char* const name : {"", "dl1.h5", "RunSummary_20240215.ecsv", "dl1_LST-1.Run.h5",
                                 "muons_LST-1.20240215.fits", "dl1_LST-1.Run1234567890.0000.h5"})
    EXPECT_FALSE(parse_run_file_name(name)) << name;
}

}  // namespace
}  // namespace alisio
