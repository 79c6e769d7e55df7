#include "lib/web/actions.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <latch>
#include <thread>

#include "lib/night/state.hpp"

namespace alisio::web {
namespace {

namespace fs = std::filesystem;

/// A form is signed by what its reader cannot try tokens against.
TEST(Actions, FormsTellNothingOfTheToken) {
  const fs::path folder =
      fs::temp_directory_path() / ("alisio_forms_" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  night::State::open(folder).show({1, {2024, 1, 15}, "v1"}, R"({"runs": []})", {}, {});
  const auto form = [&](const ActionSource& source) {
    Request request;
    request.path = "/act/20240115/v1";
    request.query = {{"what", "close"}};
    const Response page = action_pages(source).at(0).second(request);
    EXPECT_EQ(page.status, 200) << page.body;
    const auto at = page.body.find("name=\"form\"");
    EXPECT_NE(at, std::string::npos) << page.body;
    return at == std::string::npos ? "" : page.body.substr(at, 120);
  };
  const ActionSource one{
      .state_folder = folder, .token = "0123456789abcdef", .run = {}, .known = {"close"}};
  const ActionSource other{
      .state_folder = folder, .token = "0123456789abcdef", .run = {}, .known = {"close"}};
  EXPECT_NE(form(one), form(other));
  fs::remove_all(folder);
}

TEST(Actions, LeaveThreadsForThePages) {
  const fs::path folder =
      fs::temp_directory_path() / ("alisio_actions_" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  night::State::open(folder).show({1, {2024, 1, 15}, "v1"}, R"({"runs": []})", {}, {});
  std::latch end(1);
  std::atomic<int> running = 0;
  const ActionSource source{.state_folder = folder,
                            .token = "0123456789abcdef",
                            .run =
                                [&](const std::vector<std::string>&) {
                                  ++running;
                                  end.wait();
                                  return CommandOutcome{0, "closed"};
                                },
                            .known = {"close"}};
  const Router router = action_pages(source);
  const auto close = [&] {
    Request request;
    request.path = "/api/v1/nights/20240115/v1/actions";
    request.headers["authorization"] = "Bearer 0123456789abcdef";
    request.body = R"({"what": "close", "author": "crew", "reason": "all is there"})";
    return router.at(2).second(request).status;
  };
  std::atomic<int> done = 0;
  {
    const auto close_and_count = [&] { done += close() == 200 ? 1 : 0; };
    const std::jthread one(close_and_count), two(close_and_count);
    for (int i = 0; i < 1000 && running < 2; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ASSERT_EQ(running, 2);
    EXPECT_EQ(close(), 503);
    end.count_down();
  }
  EXPECT_EQ(done, 2);
  EXPECT_EQ(close(), 200) << "their places are free again";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace alisio::web
