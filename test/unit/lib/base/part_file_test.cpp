#include "lib/base/part_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace alisio {
namespace {

TEST(PartFile, NamesTellTargetAndWriter) {
  const std::string name = part_name("dl1.part-of.h5");
  const auto part = parse_part_name(name);
  ASSERT_TRUE(part) << name;
  EXPECT_EQ(part->target, "dl1.part-of.h5");
  EXPECT_EQ(part->pid, ::getpid());
  EXPECT_TRUE(part->of_this_machine);
  EXPECT_TRUE(writer_lives(*part));
  EXPECT_NE(part_name("dl1.part-of.h5"), name);
}

TEST(PartFile, OtherNamesAreNone) {
  for (const char* name :
       {"dl1.h5", ".dl1.h5", ".part-1-0-a-1", "dl1.h5.part-1-0-a-1", ".dl1.h5.part-",
        ".dl1.h5.part-x-0-a-1", ".dl1.h5.part-0-0-a-1", ".dl1.h5.part-12"})
    EXPECT_FALSE(parse_part_name(name)) << name;
  const auto foreign = parse_part_name(".dl1.h5.part-1-0-elsewhere-1");
  ASSERT_TRUE(foreign);
  EXPECT_FALSE(foreign->of_this_machine);
  EXPECT_FALSE(writer_lives(*foreign)) << "nobody knows";
}

}  // namespace
}  // namespace alisio
