#include "prov/invalidation.hpp"

#include <gtest/gtest.h>

namespace alisio::prov {
namespace {

std::optional<Invalidation> parse(const std::string& text) {
  return parse_invalidation("entity", "2024-01-01T00:00:00Z", "crew", text);
}

TEST(Invalidation, NotesTellIt) {
  Invalidation clean{.entity = "entity",
                     .action = "clean",
                     .software = "",
                     .reason = "merged; kept as told: elsewhere",
                     .kept_as = "",
                     .author = "crew",
                     .time = "2024-01-01T00:00:00Z"};
  EXPECT_EQ(note_text(clean), "invalidated by clean: merged; kept as told: elsewhere; removed");
  EXPECT_EQ(parse(note_text(clean)), clean);
  Invalidation discard = clean;
  discard.action = "discard";
  discard.kept_as = "/data/dl1.h5.discarded-1";
  discard.software = "v0.1.0";
  EXPECT_EQ(note_text(discard),
            "invalidated by discard (alisio v0.1.0): merged; kept as told: elsewhere; kept as "
            "/data/dl1.h5.discarded-1");
  EXPECT_EQ(parse(note_text(discard)), discard);
  Invalidation undone = clean;
  undone.action = "";
  undone.taken_back = true;
  EXPECT_EQ(parse(note_text(undone)), undone);
  const auto early = parse("invalidated: clouds; kept as /data/x");
  ASSERT_TRUE(early) << "as notes were first written";
  EXPECT_EQ(early->action, "discard");
  EXPECT_EQ(early->reason, "clouds");
  for (const char* other : {"lamp was unstable", "invalidated", "invalidated: by hand",
                            "invalidatedly: x; removed", ""})
    EXPECT_FALSE(parse(other)) << other;
}

TEST(Invalidation, TheLastWordStands) {
  const auto one = [](const char* entity, const char* time, bool taken_back) {
    return Invalidation{.entity = entity,
                        .action = "discard",
                        .software = "",
                        .reason = "clouds",
                        .kept_as = "",
                        .author = "crew",
                        .time = time,
                        .taken_back = taken_back};
  };
  const auto standing = standing_invalidations(
      {one("b", "3", true), one("a", "1", false), one("a", "4", false), one("b", "2", false)});
  ASSERT_EQ(standing.size(), 1U);
  EXPECT_EQ(standing.at("a").time, "4");
}

}  // namespace
}  // namespace alisio::prov
