// Tests of scripts/convert-models: skipped where there is no Python with numpy.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "reco/forest/forest_file.hpp"

namespace alisio::forest {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code;
  std::string output;
};

class Converter : public testing::Test {
 protected:
  void SetUp() override {
    const char* chosen = std::getenv("ALISIO_PYTHON");
    python_ = chosen != nullptr ? chosen : "python3";
    if (run(python_ + " -c 'import numpy'").code != 0) {
      GTEST_SKIP() << "no Python with numpy (ALISIO_PYTHON may name one)";
    }
    folder_ = fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "models");
  }

  static Outcome run(const std::string& command) {
    Outcome outcome{-1, ""};
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    char buffer[4096];
    while (const std::size_t n = std::fread(buffer, 1, sizeof(buffer), pipe)) {
      outcome.output.append(buffer, n);
    }
    const int status = ::pclose(pipe);
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return outcome;
  }

  [[nodiscard]] Outcome convert(const fs::path& models) const {
    return run("cd '" + folder_.string() + "' && " + python_ +
               " " ALISIO_SOURCE_DIR "/scripts/convert-models '" + models.string() +
               "' out.forest");
  }

  void write_model(const std::string& bytes) const {
    std::ofstream(folder_ / "models" / "reg_energy.sav", std::ios::binary) << bytes;
  }

  std::string python_;
  fs::path folder_;
};

TEST_F(Converter, MakesTheStoredForestFilesAgain) {
  for (const std::string version : {"1.2", "1.9"}) {
    const fs::path models = fs::path(ALISIO_TEST_DATA) / "models";
    const auto outcome = convert(models / ("made_by_" + version));
    ASSERT_EQ(outcome.code, 0) << outcome.output;
    const auto made = ForestFile::open(folder_ / "out.forest");
    made.verify();
    EXPECT_EQ(made.content_sha256(),
              ForestFile::open(models / ("made_by_" + version + ".forest")).content_sha256());
  }
}

TEST_F(Converter, RefusesAPickleThatCallsAFunction) {
  const std::string pickles[] = {"cos\nsystem\n(S'touch executed'\ntR.",
                                 "cbuiltins\neval\n(S'open(\"executed\", \"w\")'\ntR.",
                                 "csubprocess\nPopen\n(S'touch executed'\ntR.",
                                 // A class of the list, asked for by a dotted way around it.
                                 "\x80\x04\x8c\x1bsklearn.ensemble._forest."
                                 "os\x94\x8c\x06system\x94\x93\x8c\x0etouch executed\x85R.",
                                 "cnumpy.core.multiarray\nfromfile\n(S'/etc/passwd'\ntR."};
  for (const std::string& pickle : pickles) {
    write_model(pickle);
    const auto outcome = convert(folder_ / "models");
    EXPECT_EQ(outcome.code, 5) << outcome.output;
    EXPECT_NE(outcome.output.find("it names '"), std::string::npos) << outcome.output;
    EXPECT_EQ(outcome.output.find("Traceback"), std::string::npos) << outcome.output;
    EXPECT_FALSE(fs::exists(folder_ / "executed"));
    EXPECT_FALSE(fs::exists(folder_ / "out.forest"));
  }
}

TEST_F(Converter, RefusesDamagedModelsInOneLine) {
  std::ifstream file(fs::path(ALISIO_TEST_DATA) / "models" / "made_by_1.9" / "reg_energy.sav",
                     std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& bytes : {std::string(), std::string("hello"), whole.substr(0, 100),
                                   whole.substr(0, whole.size() / 2), std::string("N.")}) {
    write_model(bytes);
    const auto outcome = convert(folder_ / "models");
    EXPECT_EQ(outcome.code, 5) << outcome.output;
    EXPECT_EQ(outcome.output.find("Traceback"), std::string::npos) << outcome.output;
    EXPECT_NE(outcome.output.find("reg_energy.sav"), std::string::npos) << outcome.output;
    EXPECT_FALSE(fs::exists(folder_ / "out.forest"));
  }
}

TEST_F(Converter, SaysThatThereIsNothingToConvert) {
  EXPECT_EQ(convert(folder_ / "models").code, 4);
  EXPECT_EQ(convert(folder_ / "absent").code, 4);
}

}  // namespace
}  // namespace alisio::forest
