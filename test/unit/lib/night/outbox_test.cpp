#include "lib/night/outbox.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/file.hpp"

namespace alisio::night {
namespace {

namespace fs = std::filesystem;

TEST(OutboxDeathTest, WhatIsWrittenDownAsToldIsOnItsWay) {
  const fs::path heard =
      fs::temp_directory_path() / ("alisio_outbox_" + std::to_string(::getpid()));
  fs::remove(heard);
  const auto be_stopped_while_telling = [&] {
    Outbox outbox(
        10, [](const Outbox::Letter&) { ::raise(SIGTERM); }, [](const Outbox::Letter&) {});
    outbox.put({.channel = "command",
                .delivery = {{"sh", "-c", "cat > '" + heard.string() + "'"}, "the news"},
                .marks = {"mark"},
                .subject = "news"});
    outbox.deliver_all();
  };
  EXPECT_EXIT(be_stopped_while_telling(), ::testing::KilledBySignal(SIGTERM), "");
  // The process that tells outlives the one that was stopped.
  for (int wait = 0; wait < 1000 && (!fs::exists(heard) || fs::file_size(heard) < 8); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(read_text_file(heard), "the news");
  fs::remove(heard);
}

TEST(Outbox, WhatWaitsBehindALetterThatCannotGoHasNotArrivedEither) {
  std::vector<std::string> failed;
  Outbox outbox(
      10, [](const Outbox::Letter&) {},
      [&](const Outbox::Letter& letter) { failed.push_back(letter.subject); });
  for (const char* subject : {"first", "second", "third"})
    outbox.put({.channel = "command",
                .delivery = {{"sh", "-c", "exit 1"}, ""},
                .marks = {},
                .subject = subject});
  outbox.deliver_all();
  EXPECT_EQ(failed, (std::vector<std::string>{"first", "second", "third"}));
}

}  // namespace
}  // namespace alisio::night
