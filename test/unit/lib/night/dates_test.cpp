// Which night is meant, and which nights some words name.
#include "lib/night/dates.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"

namespace alisio::night {
namespace {

/// 2022-12-16 00:00 UTC
constexpr double midnight = 1671148800;

TEST(Dates, LastNightIsYesterdaysEveningAllDay) {
  const NightDate night{2022, 12, 15};
  EXPECT_EQ(last_night(midnight), night);
  EXPECT_EQ(last_night(midnight + 7 * 3600), night);
  EXPECT_EQ(last_night(midnight + 13 * 3600), night) << "processing goes on past noon";
  EXPECT_EQ(last_night(midnight + 86399), night);
  EXPECT_EQ(last_night(midnight - 1), (NightDate{2022, 12, 14}));
}

TEST(Dates, WordsNameNights) {
  EXPECT_EQ(dates_of({"20221215", "2022-12-14", "20221215"}),
            (std::vector<NightDate>{{2022, 12, 14}, {2022, 12, 15}}));
  EXPECT_EQ(dates_of({"20221230..20230102"}),
            (std::vector<NightDate>{{2022, 12, 30}, {2022, 12, 31}, {2023, 1, 1}, {2023, 1, 2}}));
  const auto file = std::filesystem::temp_directory_path() / fmt::format("dates_{}", ::getpid());
  std::ofstream(file) << "# Crab\n20221201 20221203  # two\n\n20221207..20221208\n";
  EXPECT_EQ(dates_of({file.string()}).size(), 4U);
  std::ofstream(file) << "20221201\nnonsense\n";
  try {
    static_cast<void>(dates_of({file.string()}));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(":2: 'nonsense' is no date"), std::string::npos)
        << error.what();
  }
  std::filesystem::remove(file);
  EXPECT_THROW(static_cast<void>(dates_of({"20221216..20221215"})), Error);
  EXPECT_THROW(static_cast<void>(dates_of({"20001216..20221215"})), Error);
  EXPECT_THROW(static_cast<void>(dates_of({"yesterday"})), Error);
}

}  // namespace
}  // namespace alisio::night
