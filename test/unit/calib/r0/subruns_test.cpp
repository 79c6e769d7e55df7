#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "calib/r0/r0_source.hpp"
#include "lib/base/error.hpp"
#include "lib/io/zfits/writer.hpp"
#include "lib/sky/time.hpp"

namespace alisio::calib {
namespace {

namespace fs = std::filesystem;
using zfits::ItemType;

constexpr std::int64_t run_start_s = 1'671'141'600;
constexpr std::uint64_t start_tai = 1'671'141'640'000'000'000, interval_ns = 100'000;
constexpr std::uint16_t n_pixels = 7, n_samples = 40;
constexpr std::uint8_t shower = 1, pedestal = 32, flatfield = 5;
constexpr std::uint32_t tib_present = 1, ucts_present = 2;

/// What one event of the old format says; the module's clock has the true time.
struct Event {
  std::uint64_t id = 0;
  std::uint32_t devices = tib_present | ucts_present;
  std::uint8_t tib = shower, ucts = shower;
  std::uint64_t time_ns = 0, ucts_time_ns = 0;
};

std::uint8_t type_of(std::uint64_t id) {
  return id % 5 == 0 ? pedestal : id % 7 == 0 ? flatfield : shower;
}

/// Events 1 … n as they are if nothing is lost.
std::vector<Event> events(std::uint64_t n) {
  std::vector<Event> out;
  for (std::uint64_t id = 1; id <= n; ++id) {
    const std::uint64_t time = start_tai + id * interval_ns;
    out.push_back({id, tib_present | ucts_present, type_of(id), type_of(id), time, time});
  }
  return out;
}

/// Let UCTS lose its data of an event: all later events get those of their successors.
void lose_ucts(std::vector<Event>& events, std::uint64_t id) {
  for (std::size_t i = id - 1; i + 1 < events.size(); ++i) {
    events[i].ucts = events[i + 1].ucts;
    events[i].ucts_time_ns = events[i + 1].ucts_time_ns;
  }
  events.back().ucts_time_ns += interval_ns;
}

template <typename T>
void put(std::vector<std::uint8_t>& out, std::size_t at, T value) {
  std::memcpy(&out[at], &value, sizeof value);
}

/// Write a ProtoR1 file of a camera with one module.
void write(const fs::path& path, const std::vector<Event>& events) {
  const auto table = [](const char* name, const char* of, std::vector<zfits::ColumnSpec> columns) {
    zfits::TableSpec spec;
    spec.name = name;
    spec.message_class = of;
    spec.columns = std::move(columns);
    spec.rows_per_tile = 3;
    spec.cards.push_back({"ORIGIN", std::string("CTA"), ""});
    return spec;
  };
  zfits::Writer writer(path);
  writer.begin_table(table("CameraConfig", "ProtoR1.CameraConfiguration",
                           {{"telescope_id", "1", ItemType::uint32},
                            {"configuration_id", "3", ItemType::uint64},
                            {"date", "4", ItemType::uint64},
                            {"num_samples", "6", ItemType::uint32},
                            {"expected_pixels_id", "7", ItemType::uint16, true},
                            {"lstcam_idaq_version", "10.1", ItemType::text, true},
                            {"lstcam_expected_modules_id", "10.4", ItemType::uint16, true}}));
  const std::uint32_t telescope = 1, samples = n_samples;
  const std::uint64_t run = 7, date = run_start_s;
  const std::vector<std::uint16_t> pixels{0, 1, 2, 3, 4, 5, 6}, modules{0};
  const std::string version = "37209";
  zfits::Row row;
  row.add(telescope).add(run).add(date).add(samples).add(pixels).add(version).add(modules);
  writer.append_row(row.columns());

  writer.begin_table(table("Events", "ProtoR1.CameraEvent",
                           {{"event_id", "2", ItemType::uint64},
                            {"waveform", "7", ItemType::uint16, true},
                            {"pixel_status", "8", ItemType::uint8, true},
                            {"lstcam_module_status", "11.1", ItemType::uint8, true},
                            {"lstcam_extdevices_presence", "11.2", ItemType::uint32},
                            {"lstcam_tib_data", "11.3", ItemType::uint8, true},
                            {"lstcam_cdts_data", "11.4", ItemType::uint8, true},
                            {"lstcam_counters", "11.6", ItemType::uint8, true},
                            {"lstcam_first_capacitor_id", "11.8", ItemType::uint16, true}}));
  const std::vector<std::uint16_t> waveform(std::size_t{2} * n_pixels * n_samples, 400);
  const std::vector<std::uint8_t> status(n_pixels, 12), module_status(1, 1);
  const std::vector<std::uint16_t> cells(8, 0);
  for (const Event& event : events) {
    std::vector<std::uint8_t> tib(12, 0), cdts(36, 0), counters(22, 0);
    tib[11] = event.tib;
    put(cdts, 0, event.ucts_time_ns);
    cdts[28] = event.ucts;
    const std::uint64_t since = event.time_ns - start_tai;
    put(counters, 0, std::uint16_t(since / 1'000'000'000));
    put(counters, 2, std::uint32_t(since % 1'000'000'000 / 100));
    put(counters, 14, since * 133 / 1000);
    row.clear();
    row.add(event.id).add(waveform).add(status).add(module_status).add(event.devices);
    row.add(tib).add(cdts).add(counters).add(cells);
    writer.append_row(row.columns());
  }
  writer.close();
}

class OldFormat : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("old_format_") +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path file(int subrun, int stream = 1) const {
    return folder_ / ("LST-1." + std::to_string(stream) + ".Run00007.000" + std::to_string(subrun) +
                      ".fits.fz");
  }

  struct Read {
    std::vector<std::int64_t> id, time, ucts_time;
    std::vector<EventType> type;
    std::vector<bool> jump;
    R0Source::Counters counters;
    bool operator==(const Read& other) const {
      return id == other.id && time == other.time && ucts_time == other.ucts_time &&
             type == other.type && jump == other.jump;
    }
  };
  static Read read(const fs::path& path, const R0Options& options = {}) {
    R0Source source(path, options);
    flow::ThreadPool pool(2);
    RawBlock block;
    Read out;
    while (source.next_block(block, pool))
      for (const RawEvent& event : block.events) {
        out.id.push_back(event.event_id);
        out.time.push_back(event.time_tai_ns);
        out.ucts_time.push_back(std::int64_t(event.trigger.ucts_time_tai_ns));
        out.type.push_back(event.type);
        out.jump.push_back(event.ucts_jump);
      }
    out.counters = source.counters();
    return out;
  }
  static std::string refusal(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_input);
      return error.what() + error.where();
    }
    return "";
  }

  fs::path folder_;
};

/// The types follow from the ids, wherever UCTS has jumped.
void expect_true_types(const std::vector<std::int64_t>& ids, const std::vector<EventType>& types) {
  for (std::size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(types[i], event_type_of_bits(type_of(std::uint64_t(ids[i])))) << ids[i];
}

TEST_F(OldFormat, TwoLossesOfUctsAreRepaired) {
  auto given = events(30);
  write(file(0), given);
  const Read whole = read(file(0));
  lose_ucts(given, 8);
  lose_ucts(given, 19);
  write(file(1), given);
  const Read lossy = read(file(1));
  EXPECT_EQ(lossy.counters.ucts_jumps, 2u);
  EXPECT_TRUE(lossy.jump[7]);
  expect_true_types(lossy.id, lossy.type);
  EXPECT_EQ(lossy.time, whole.time);
  EXPECT_EQ(whole.counters.ucts_jumps, 0u);
}

TEST_F(OldFormat, ALossAtTheFirstEventShiftsTheReferenceUnlessTheRunSummaryHasIt) {
  auto given = events(20);
  const Event first = given.front();
  lose_ucts(given, 1);
  write(file(0), given);
  // Nothing in the file tells: times follow from the first event's stamp, which is one event late.
  const Read alone = read(file(0));
  EXPECT_EQ(alone.counters.ucts_jumps, 0u);
  EXPECT_EQ(alone.time[0], std::int64_t(first.time_ns + interval_ns));

  R0Options options;
  options.reference_time = ReferenceTime{first.time_ns, first.time_ns - start_tai, 0};
  const Read told = read(file(0), options);
  EXPECT_EQ(told.counters.ucts_jumps, 1u);
  EXPECT_TRUE(told.jump[0]);
  EXPECT_EQ(told.time[0], std::int64_t(first.time_ns));
  expect_true_types(told.id, told.type);
}

TEST_F(OldFormat, EventsWithoutUctsHaveTheTimeOfTheModuleAndTheTypeOfTib) {
  auto given = events(12);
  for (const std::size_t i : {3U, 4U, 9U}) {
    given[i].devices = tib_present;
    given[i].ucts = 0;
    given[i].ucts_time_ns = 0;
  }
  write(file(0), given);
  const Read got = read(file(0));
  for (std::size_t i = 0; i < given.size(); ++i)
    EXPECT_EQ(got.time[i], std::int64_t(given[i].time_ns)) << i;
  expect_true_types(got.id, got.type);
  EXPECT_EQ(got.counters.ucts_jumps, 0u);
}

TEST_F(OldFormat, EventsWithoutTibHaveTheTypeOfUctsAndThoseWithNeitherNone) {
  auto given = events(12);
  for (const std::size_t i : {4U, 6U}) {
    given[i].devices = ucts_present;
    given[i].tib = 0;
  }
  given[8].devices = 0;
  write(file(0), given);
  for (const TriggerSource source : {TriggerSource::ucts, TriggerSource::tib}) {
    R0Options options;
    options.trigger_source = source;
    const Read got = read(file(0), options);
    EXPECT_EQ(got.type[4], EventType::sky_pedestal);
    EXPECT_EQ(got.type[6], EventType::flatfield);
    EXPECT_EQ(got.type[8], EventType::unknown);
    EXPECT_EQ(got.time[8], std::int64_t(given[8].time_ns));
    EXPECT_EQ(got.counters.unknown_type, 1u);
  }
}

TEST_F(OldFormat, ALossWithoutTibLeavesTheTypeUnknown) {
  auto given = events(12);
  given[5].devices = ucts_present;
  lose_ucts(given, 6);
  write(file(0), given);
  const Read got = read(file(0));
  EXPECT_TRUE(got.jump[5]);
  EXPECT_EQ(got.type[5], EventType::unknown);
  EXPECT_EQ(got.type[6], event_type_of_bits(type_of(7)));
}

TEST_F(OldFormat, AClockThatLagsIsCountedAndRepairsNothing) {
  auto given = events(12);
  given[4].ucts_time_ns -= 5000;
  given[7].ucts_time_ns -= 900;
  write(file(0), given);
  const Read got = read(file(0));
  EXPECT_EQ(got.counters.ucts_behind, 1u);
  EXPECT_EQ(got.counters.ucts_jumps, 0u);
  EXPECT_EQ(got.time[4], std::int64_t(given[4].time_ns));
  expect_true_types(got.id, got.type);
}

TEST_F(OldFormat, WithoutUctsTheFirstSubrunCountsFromTheStartOfTheRun) {
  auto given = events(12);
  for (Event& event : given) event.devices = tib_present;
  write(file(0), given);
  const Read got = read(file(0));
  EXPECT_EQ(got.time[0], sky::utc_to_tai_ns(run_start_s * 1'000'000'000));
  EXPECT_EQ(got.time[11] - got.time[0], std::int64_t(11 * interval_ns));

  given.erase(given.begin());
  write(file(1), given);
  const std::string told = refusal([&] { read(file(1)); });
  EXPECT_NE(told.find("no UCTS"), std::string::npos) << told;
  EXPECT_NE(told.find(file(1).string()), std::string::npos) << told;
  R0Options options;
  options.reference_time = ReferenceTime{start_tai, 0, 0};
  EXPECT_EQ(read(file(1), options).time[0], std::int64_t(given[0].time_ns));
}

TEST_F(OldFormat, ARunCutIntoSubrunsGivesTheSameEvents) {
  auto given = events(40);
  lose_ucts(given, 9);
  lose_ucts(given, 30);
  // Two streams; event 20 has changed over, and the second stream goes on longer.
  const auto part = [&](int stream, std::uint64_t from, std::uint64_t to) {
    std::vector<Event> out;
    for (const Event& event : given)
      if (event.id >= from && event.id < to &&
          (event.id % 2 == 0 || event.id == 21) == (stream == 2))
        out.push_back(event);
    return out;
  };
  const fs::path cut = folder_ / "cut";
  fs::create_directories(cut);
  constexpr int streams = 4;
  for (int stream = 1; stream <= streams; ++stream) {
    write(file(0, stream), part(stream, 1, stream <= 2 ? 41 : 0));
    write(cut / file(0, stream).filename(), part(stream, 1,
                                                 stream == 1   ? 22
                                                 : stream == 2 ? 25
                                                               : 0));
    write(cut / file(1, stream).filename(),
          part(stream, stream == 1 ? 22 : 25, stream <= 2 ? 41 : 0));
  }
  const Read whole = read(file(0));
  ASSERT_EQ(whole.id.size(), 40u);
  expect_true_types(whole.id, whole.type);
  R0Options options;
  options.all_subruns = true;
  options.block_events = 7;
  const fs::path first = cut / file(0).filename();
  EXPECT_TRUE(read(first, options) == whole);
  EXPECT_EQ(read(first, options).counters.ucts_jumps, 2u);
  EXPECT_EQ(read(first).id.size(), 23u);
}

TEST_F(OldFormat, AnEventThatTwoSubrunsHoldIsRefused) {
  const auto given = events(20);
  const std::vector<Event> first(given.begin(), given.begin() + 12),
      again(given.begin() + 8, given.end());
  write(file(0), first);
  write(file(1), again);
  R0Options options;
  options.all_subruns = true;
  const std::string told = refusal([&] { read(file(0), options); });
  EXPECT_NE(told.find("event 9"), std::string::npos) << told;
  EXPECT_NE(told.find(file(1).string()), std::string::npos) << told;
  EXPECT_EQ(read(file(0)).id.size(), 12u);
}

TEST_F(OldFormat, ListedEventsArePedestalsAndOthersAreNot) {
  write(file(0), events(20));
  R0Options options;
  options.pedestal_ids = {3, 5, 7, 999};
  const Read got = read(file(0), options);
  for (std::size_t i = 0; i < got.id.size(); ++i) {
    const std::int64_t id = got.id[i];
    const EventType tagged = event_type_of_bits(type_of(std::uint64_t(id)));
    const EventType expected = id == 3 || id == 5 || id == 7       ? EventType::sky_pedestal
                               : tagged == EventType::sky_pedestal ? EventType::subarray
                                                                   : tagged;
    EXPECT_EQ(got.type[i], expected) << id;
  }
  EXPECT_EQ(got.counters.listed, 3u);
  EXPECT_EQ(got.counters.made_pedestal, 2u);
  EXPECT_EQ(got.counters.made_physics, 3u);
  options.pedestal_ids.emplace();
  EXPECT_EQ(read(file(0), options).counters.made_physics, 4u);
}

TEST_F(OldFormat, EmptyEventsAreSkipped) {
  auto given = events(6);
  given[2].id = given[4].id = 0;
  write(file(0), given);
  const Read got = read(file(0));
  EXPECT_EQ(got.id, (std::vector<std::int64_t>{1, 2, 4, 6}));
  EXPECT_EQ(got.counters.empty_events, 2u);
}

}  // namespace
}  // namespace alisio::calib
