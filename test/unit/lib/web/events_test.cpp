#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "lib/web/event_hub.hpp"
#include "lib/web/fragments.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::web {
namespace {

namespace fs = std::filesystem;

struct Sink : EventSink {
  void take(EventText text) override {
    const std::lock_guard lock(mutex);
    got += *text;
  }
  std::string all() {
    const std::lock_guard lock(mutex);
    return got;
  }
  std::mutex mutex;
  std::string got;
};

TEST(EventHub, WhoComesGetsTheWholeThenDifferences) {
  using Topics = std::map<std::string, bool>;
  EventHub hub;
  const auto early = std::make_shared<Sink>();
  hub.listen("a", early);
  EXPECT_EQ(hub.begin_round(), (Topics{{"a", true}}));
  hub.publish("a", "W1", "d1");
  EXPECT_EQ(early->all(), "W1") << "a difference to nothing is no use";
  EXPECT_EQ(hub.begin_round(), (Topics{{"a", false}}));
  const auto late = std::make_shared<Sink>();
  hub.listen("a", late);
  hub.publish("a", "W2", "d2");
  hub.welcome("a");
  EXPECT_EQ(early->all(), "W1d2");
  EXPECT_EQ(late->all(), "") << "W2 may have been read before its page was drawn";
  EXPECT_EQ(hub.begin_round(), (Topics{{"a", true}}));
  hub.welcome("a");
  EXPECT_EQ(late->all(), "W2") << "it was looked at again, and is the same";
  hub.publish("a", "W3", "d3");
  EXPECT_EQ(early->all() + ' ' + late->all(), "W1d2d3 W2d3");
  hub.publish("a", "W3", "");
  hub.publish("b", "other", "");
  EXPECT_EQ(late->all(), "W2d3");
}

TEST(EventHub, ForgetsWhoIsGone) {
  EventHub hub;
  auto sink = std::make_shared<Sink>();
  hub.listen("a", sink);
  EXPECT_TRUE(hub.begin_round().contains("a"));
  EXPECT_EQ(hub.listeners(), 1u);
  sink.reset();
  EXPECT_EQ(hub.listeners(), 0u);
  EXPECT_TRUE(hub.begin_round().empty());
  hub.publish("a", "W", "d");
  hub.welcome("a");
}

TEST(EventHub, WritesEventsAsTheProtocolDoes) {
  EXPECT_EQ(event_text("change", "{}"), "event: change\ndata: {}\n\n");
}

TEST(Fragments, TellWhatDiffers) {
  const Fragments before{{{"a", "<p id=a>1</p>"}, {"b", "<p id=b>1</p>"}, {"c", "<p id=c>1</p>"}},
                         "frame",
                         "<div id=frame><p id=a>1</p><p id=b>1</p></div>"};
  Fragments now = before;
  EXPECT_TRUE(fragment_difference(before, now).empty());
  now.parts["b"] = "<p id=b>2</p>";
  now.frame = "<div id=frame><p id=a>1</p><p id=b>2</p></div>";
  EXPECT_EQ(fragment_difference(before, now), nlohmann::json({{"b", "<p id=b>2</p>"}}));
  EXPECT_EQ(all_fragments(now), nlohmann::json({{"c", "<p id=c>1</p>"}, {"frame", now.frame}}));
  now.parts["d"] = "<p id=d>1</p>";
  now.frame += "<p id=d>1</p>";
  EXPECT_EQ(fragment_difference(before, now), all_fragments(now)) << "there is a part more";
}

TEST(StateWatcher, TellsWhatChangesOnce) {
  const fs::path folder =
      fs::temp_directory_path() / ("alisio_watch_" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  night::State state = night::State::open(folder);
  const night::NightKey key{1, {2024, 1, 15}, "v1"};
  state.show(key, R"({"text": "first"})", {}, {});
  const auto hub = std::make_shared<EventHub>();
  const auto sink = std::make_shared<Sink>();
  hub->listen("20240115/v1", sink);
  {
    const StateWatcher watcher(
        folder, hub,
        [](night::State& shown, const std::string&) -> std::optional<Fragments> {
          const std::string text =
              nlohmann::json::parse(shown.night(shown.nights().front().key)->summary)
                  .value("text", "");
          return Fragments{{{"a", text}}, "frame", "frame"};
        },
        std::chrono::milliseconds(5));
    const auto wait_for = [&](const std::string& text) {
      for (int i = 0; i < 1000 && sink->all().find(text) == std::string::npos; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return sink->all().find(text) != std::string::npos;
    };
    EXPECT_TRUE(wait_for("event: whole\ndata: {\"a\":\"first\",\"frame\":\"frame\"}\n\n"));
    state.show(key, R"({"text": "second"})", {}, {});
    EXPECT_TRUE(wait_for("event: change\ndata: {\"a\":\"second\"}\n\n")) << sink->all();
  }
  EXPECT_EQ(sink->all().find("first", sink->all().find("second")), std::string::npos);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace alisio::web
