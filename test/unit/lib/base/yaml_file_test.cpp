#include "lib/base/yaml_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/error.hpp"

namespace alisio {
namespace {
namespace fs = std::filesystem;

std::string refusal(const std::string& text) {
  try {
    static_cast<void>(parse_yaml(text, "a.yaml"));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::configuration);
    return error.what();
  }
  return "";
}

TEST(Yaml, OneDocumentIsReadHoweverItBeginsAndEnds) {
  for (const char* text : {"a: 1", "---\na: 1\n", "%YAML 1.2\n---\na: 1\n...\n", "# said\na: 1\n"})
    EXPECT_EQ(parse_yaml(text, "a.yaml")["a"].as<int>(), 1) << text;
  for (const char* text : {"", "# nothing\n"})
    EXPECT_TRUE(parse_yaml(text, "a.yaml").IsNull()) << text;
}

TEST(Yaml, ASecondDocumentIsRefusedWithItsLine) {
  EXPECT_EQ(refusal("a: 1\n---\na: 2\n"),
            "a.yaml:3: a second YAML document begins here, where one is read (remove the line --- "
            "or ... before it, or what follows)");
  for (const char* text : {"---\n---\na: 2\n", "a: 1\n...\n---\nb: 1\n", "a: 1\n---\n"})
    EXPECT_NE(refusal(text).find("a second YAML document"), std::string::npos) << text;
}

TEST(Yaml, WhatIsNoneIsRefusedWithItsLine) {
  EXPECT_TRUE(refusal("a: 1\nb: [1\n").starts_with("a.yaml:")) << refusal("a: 1\nb: [1\n");
}

TEST(Yaml, AFileThatIsTooLargeIsRefusedWithoutReadingIt) {
  const fs::path file = fs::temp_directory_path() / ("alisio_yaml_" + std::to_string(::getpid()));
  std::ofstream(file) << "a: 1\n";
  EXPECT_EQ(read_yaml_file(file).root["a"].as<int>(), 1);
  // A file of holes: who read it would be out of memory.
  fs::resize_file(file, std::uintmax_t{1} << 42);
  std::string told;
  try {
    static_cast<void>(read_yaml_file(file));
  } catch (const Error& error) {
    told = error.what();
  }
  fs::remove(file);
  EXPECT_NE(told.find("is too large to be what people write: 4398046511104 bytes, at most 1000000"),
            std::string::npos)
      << told;
}

TEST(Yaml, WhatMayNeverEndOrBeginIsRefused) {
  const fs::path pipe = fs::temp_directory_path() / ("alisio_pipe_" + std::to_string(::getpid()));
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const fs::path& file : {pipe, fs::path("/dev/zero")}) {
    try {
      static_cast<void>(read_yaml_file(file));
      ADD_FAILURE() << file << " was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::configuration) << error.what();
    }
  }
  fs::remove(pipe);
}

}  // namespace
}  // namespace alisio
