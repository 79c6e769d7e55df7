#include "lib/base/ids.hpp"

#include <gtest/gtest.h>

#include "lib/base/error.hpp"
#include "lib/base/night_folder.hpp"

namespace alisio {
namespace {

TEST(NightDate, ReadsBothForms) {
  EXPECT_EQ(NightDate::parse("20221215"), NightDate::parse("2022-12-15"));
  EXPECT_EQ(NightDate::parse("2022-12-15").compact(), "20221215");
}

TEST(NightDate, RefusesWhatIsNoCalendarDate) {
  for (const char* text : {"20221315", "20220230", "2022-1215", "yesterday", ""})
    EXPECT_THROW((void)NightDate::parse(text), Error) << text;
}

TEST(NightDate, RunsFromNoonToNoon) {
  EXPECT_EQ(NightDate::of_unix_utc(1671105599).compact(), "20221214");  // 2022-12-15T11:59:59Z
  EXPECT_EQ(NightDate::of_unix_utc(1671105600).compact(), "20221215");  // 2022-12-15T12:00:00Z
  EXPECT_EQ(NightDate::of_unix_utc(1671148800).compact(), "20221215");  // 2022-12-16T00:00:00Z
}

TEST(NightDate, IsToldByTheNearestFolder) {
  EXPECT_EQ(night_of_folder("/data/20221214/DL1/20221215/v1/f.h5")->compact(), "20221215");
  EXPECT_FALSE(night_of_folder("/data/DL1/v1/20221215"));
  EXPECT_FALSE(night_of_folder(""));
}

TEST(Ids, ArePadded) {
  EXPECT_EQ(run_subrun_text({1, 2006, 3}), "02006.0003");
  EXPECT_EQ(telescope_text(4), "LST-4");
}

TEST(Ids, AProductionIsNamedByAPartOfAFileName) {
  for (const char* name : {"v1", "v0.10.7.dev65+g12ab", "a_b-c", "+"})
    EXPECT_NO_THROW(check_prod_id(name));
  for (const char* name : {"", ".", "..", ".v1", "a/b", "a b", "a\n", "v1*", "\xF3"})
    EXPECT_THROW(check_prod_id(name), Error) << name;
}

}  // namespace
}  // namespace alisio
