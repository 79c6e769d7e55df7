#include "reco/dl3/events.hpp"

#include <gtest/gtest.h>

#include "lib/base/error.hpp"

namespace alisio::dl3 {
namespace {

Events two_rows() {
  return {{{"gammaness", {0.2, 0.9}}, {"reco_energy", {1.0, 3.0}}}, 2};
}

TEST(Events, SelectsAndAppendsRowsOfAllColumns) {
  Events events = two_rows();
  events.append(events.select({1, 0}));
  EXPECT_EQ(events.n, 4U);
  EXPECT_EQ(events.column("gammaness"), (std::vector<double>{0.2, 0.9, 0.9, 0.2}));
  EXPECT_EQ(events.column("reco_energy"), (std::vector<double>{1, 3, 3, 1}));
}

TEST(Events, NamesTheColumnsThatAreThere) {
  try {
    static_cast<void>(two_rows().column("reco_alt"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("reco_alt"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("gammaness, reco_energy"), std::string::npos);
  }
}

TEST(Events, RefusesToAppendOtherColumns) {
  Events events = two_rows();
  EXPECT_THROW(events.append({{{"gammaness", {0.5}}}, 1}), Error);
}

}  // namespace
}  // namespace alisio::dl3
