#include "reco/forest/forest.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "lib/base/error.hpp"
#include "reco/forest/forest_file.hpp"

namespace alisio::forest {
namespace {

namespace fs = std::filesystem;

const fs::path models = fs::path(ALISIO_TEST_DATA) / "models";
constexpr Kernel kernels[] = {Kernel::automatic, Kernel::scalar, Kernel::interleaved,
                              Kernel::avx2,      Kernel::avx512, Kernel::avx512_gather};

using Columns = std::vector<std::vector<float>>;

std::vector<std::vector<double>> predict(const Forest& forest, const Columns& columns,
                                         Kernel kernel) {
  const std::size_t n = columns.front().size();
  std::vector<const float*> in;
  for (const auto& column : columns) in.push_back(column.data());
  std::vector<std::vector<double>> result(forest.n_outputs(), std::vector<double>(n, -1));
  std::vector<double*> out;
  for (auto& output : result) out.push_back(output.data());
  forest.predict(in, n, out, kernel);
  return result;
}

/// The predictions for the columns, and those with one of them replaced, predicted together.
std::pair<std::vector<std::vector<double>>, std::vector<std::vector<double>>> predict_both(
    const Forest& forest, const Columns& columns, std::size_t feature,
    const std::vector<float>& other, Kernel kernel) {
  const std::size_t n = columns.front().size();
  std::vector<const float*> in;
  for (const auto& column : columns) in.push_back(column.data());
  std::vector<std::vector<double>> result(forest.n_outputs(), std::vector<double>(n, -1));
  auto others = result;
  std::vector<double*> out, out_others;
  for (auto& output : result) out.push_back(output.data());
  for (auto& output : others) out_others.push_back(output.data());
  forest.predict_both(in, n, out, {feature, other.data(), out_others}, kernel);
  return {result, others};
}

/// Random rows, half of whose values are thresholds of the forest or their upper neighbours.
Columns rows_near_thresholds(const Forest& forest, std::size_t n) {
  std::mt19937 random(17);
  std::vector<std::vector<float>> thresholds(forest.features().size());
  for (const Tree& tree : forest.trees()) {
    for (std::uint32_t i = 0; i < tree.n_nodes; ++i) {
      if (!std::isinf(tree.nodes[i].threshold)) {
        thresholds[tree.nodes[i].packed % max_features].push_back(tree.nodes[i].threshold);
      }
    }
  }
  Columns columns;
  for (const auto& choice : thresholds) {
    auto& column = columns.emplace_back(n);
    for (float& x : column) {
      x = std::normal_distribution<float>(0, 2)(random);
      if (!choice.empty() && random() % 2 == 0) {
        x = choice[random() % choice.size()];
        if (random() % 2 == 0) x = std::nextafter(x, std::numeric_limits<float>::infinity());
      }
    }
  }
  return columns;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

fs::path write(const std::string& name, const std::string& bytes) {
  const fs::path path = fs::path(testing::TempDir()) / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

/// Predictions of scikit-learn itself, stored with all digits when the tiny models were made.
void expect_equals_sklearn(const fs::path& forest_file, const fs::path& expected_file) {
  const auto file = ForestFile::open(forest_file);
  file.verify();
  const auto json = nlohmann::json::parse(read(expected_file));
  ASSERT_EQ(file.forests().size(), 4U);
  for (const Forest& forest : file.forests()) {
    Columns columns;
    for (const auto& feature : forest.features()) {
      auto& column = columns.emplace_back();
      for (const double x : json.at("columns").at(feature)) column.push_back(static_cast<float>(x));
    }
    const auto expected =
        json.at("expected").at(forest.name()).get<std::vector<std::vector<double>>>();
    for (const Kernel kernel : kernels) {
      if (!is_supported(kernel)) continue;
      const auto got = predict(forest, columns, kernel);
      ASSERT_EQ(got.size(), expected.size());
      for (std::size_t output = 0; output < got.size(); ++output) {
        for (std::size_t i = 0; i < got[output].size(); ++i) {
          EXPECT_EQ(std::bit_cast<std::uint64_t>(got[output][i]),
                    std::bit_cast<std::uint64_t>(expected[output][i]))
              << forest.name() << " event " << i << " kernel " << to_string(kernel);
        }
      }
    }
  }
}

TEST(Forest, EqualsScikitLearn12BitForBit) {
  expect_equals_sklearn(models / "made_by_1.2.forest", models / "made_by_1.2" / "expected.json");
}

TEST(Forest, EqualsScikitLearn19BitForBit) {
  expect_equals_sklearn(models / "made_by_1.9.forest", models / "made_by_1.9" / "expected.json");
}

TEST(Forest, KernelsAgreeBitForBitForAnyNumberOfEvents) {
  const auto file = ForestFile::open(models / "made_by_1.9.forest");
  for (const Forest& forest : file.forests()) {
    const Columns all = rows_near_thresholds(forest, 20011);
    for (const std::size_t n : {1U, 15U, 16U, 17U, 63U, 64U, 65U, 16384U, 16385U, 20011U}) {
      Columns columns = all;
      for (auto& column : columns) column.resize(n);
      const auto expected = predict(forest, columns, Kernel::scalar);
      for (const Kernel kernel : kernels) {
        if (is_supported(kernel)) {
          EXPECT_EQ(predict(forest, columns, kernel), expected)
              << forest.name() << " " << n << " events, kernel " << to_string(kernel);
        }
      }
    }
  }
}

TEST(Forest, ManyEventsArePredictedAsFewAre) {
  // Many walk in another order.
  constexpr std::size_t many = 20011, few = 1000;
  const auto file = ForestFile::open(models / "made_by_1.9.forest");
  for (const Forest& forest : file.forests()) {
    const Columns columns = rows_near_thresholds(forest, many);
    const auto together = predict(forest, columns, Kernel::automatic);
    for (std::size_t begin = 0; begin < many; begin += few) {
      const std::size_t end = std::min(many, begin + few);
      Columns part;
      for (const auto& column : columns)
        part.emplace_back(column.begin() + long(begin), column.begin() + long(end));
      const auto apart = predict(forest, part, Kernel::automatic);
      for (std::size_t output = 0; output < apart.size(); ++output)
        for (std::size_t i = 0; i < apart[output].size(); ++i)
          ASSERT_EQ(together[output][begin + i], apart[output][i]) << forest.name() << begin + i;
    }
  }
}

TEST(Forest, PredictsBothAsOneAfterTheOther) {
  const auto file = ForestFile::open(models / "made_by_1.9.forest");
  for (const Forest& forest : file.forests()) {
    const Columns all = rows_near_thresholds(forest, 16500),
                  more = rows_near_thresholds(forest, 33);
    for (const std::size_t n : {1U, 16U, 17U, 65U, 16384U, 16500U}) {
      Columns columns = all;
      for (auto& column : columns) column.resize(n);
      for (std::size_t feature = 0; feature < columns.size(); ++feature) {
        // Some values stay, some are others' in the same column, some are NaN.
        std::vector<float> other = columns[feature];
        for (std::size_t i = 0; i < n; i += 3) other[i] = more[feature][i % 33];
        for (std::size_t i = 100; i < n; i += 100)
          other[i] = std::numeric_limits<float>::quiet_NaN();
        Columns replaced = columns;
        replaced[feature] = other;
        const auto expected = predict(forest, columns, Kernel::scalar);
        const auto expected_others = predict(forest, replaced, Kernel::scalar);
        for (const Kernel kernel : kernels) {
          if (!is_supported(kernel) || (n > 1000 && kernel == Kernel::scalar)) continue;
          const auto [got, others] = predict_both(forest, columns, feature, other, kernel);
          EXPECT_EQ(got, expected) << forest.name() << " " << n << " " << to_string(kernel);
          EXPECT_EQ(others, expected_others)
              << forest.name() << " " << n << " " << to_string(kernel);
        }
      }
    }
  }
}

TEST(Forest, KernelsAgreeForAnyNumberOfFeatures) {
  std::mt19937 random(9);
  std::uniform_real_distribution<float> uniform;
  for (std::size_t n_features = 1; n_features <= max_features; ++n_features) {
    // A full tree of depth 7, the children of node i at 2 i + 1 and 2 i + 2.
    std::vector<Node> nodes;
    std::vector<double> leaves;
    for (std::uint32_t i = 0; i < 255; ++i) {
      const auto feature = static_cast<std::uint32_t>(random() % n_features);
      if (i < 127) {
        nodes.push_back({uniform(random), (2 * i + 1) << feature_bits | feature});
      } else {
        nodes.push_back({std::numeric_limits<float>::infinity(), (i - 127) << feature_bits});
        leaves.push_back(i);
      }
    }
    const Forest forest("full", ForestKind::regressor, std::vector<std::string>(n_features), {}, 1,
                        {Tree{nodes.data(), leaves.data(), 255, 128, 7}});
    Columns columns(n_features, std::vector<float>(300));
    for (auto& column : columns) {
      for (float& x : column) x = uniform(random);
    }
    const auto expected = predict(forest, columns, Kernel::scalar);
    for (const Kernel kernel : kernels) {
      if (is_supported(kernel)) {
        EXPECT_EQ(predict(forest, columns, kernel), expected) << n_features << to_string(kernel);
      }
    }
  }
}

TEST(Forest, PredictsNothingForNoEvents) {
  const auto file = ForestFile::open(models / "made_by_1.9.forest");
  const Columns columns(5);
  EXPECT_TRUE(predict(file.at("reg_energy"), columns, Kernel::automatic)[0].empty());
}

TEST(Forest, RefusesAWrongNumberOfColumns) {
  const auto file = ForestFile::open(models / "made_by_1.9.forest");
  EXPECT_THROW(predict(file.at("reg_energy"), Columns(4, {1.0F}), Kernel::automatic), Error);
}

TEST(Forest, FindsTheOutputOfAClass) {
  const auto file = ForestFile::open(models / "made_by_1.9.forest");
  EXPECT_EQ(file.at("cls_gh").output_of_class(101), 1U);
  EXPECT_EQ(file.at("cls_disp_sign").output_of_class(-1), 0U);
  EXPECT_THROW((void)file.at("cls_gh").output_of_class(5), Error);
}

TEST(ForestFile, KeepsWhereTheModelsCameFrom) {
  const auto file = ForestFile::open(models / "made_by_1.2.forest");
  EXPECT_EQ(file.training().directory, "/models/made_by_1.2");
  std::vector<std::string> roles;
  for (const auto& reference : file.training().references) roles.push_back(reference.role);
  EXPECT_EQ(roles, (std::vector<std::string>{"Model", "Model", "Model", "Model",
                                             "Training pointings", "Training data"}));
  ASSERT_EQ(file.training_pointings().size(), 2U);
  EXPECT_EQ(file.training_pointings()[1].zenith_deg, 40.0);
  const auto header = nlohmann::json::parse(file.header());
  EXPECT_EQ(header["models"][0]["source"]["sklearn_version"], "1.2.2");
  EXPECT_EQ(header["models"][0]["source"]["leaf_values"], "weighted counts");
  EXPECT_EQ(header["models"][0]["source"]["hyper_parameters"]["max_depth"], 6);
  EXPECT_EQ(file.content_sha256().size(), 64U);
}

TEST(ForestFile, NamesTheModelsItHas) {
  const auto file = ForestFile::open(models / "made_by_1.9.forest");
  EXPECT_EQ(file.find("reg_disp_norm"), nullptr);
  try {
    (void)file.at("reg_disp_norm");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_NE(std::string(error.what()).find("reg_disp_vector"), std::string::npos);
  }
}

TEST(ForestFile, RefusesWhatIsNotOne) {
  EXPECT_THROW((void)ForestFile::open(models / "absent.forest"), Error);
  EXPECT_THROW((void)ForestFile::open(models), Error);
  EXPECT_THROW((void)ForestFile::open(write("empty.forest", "")), Error);
  EXPECT_THROW((void)ForestFile::open(write("text.forest", std::string(1000, 'x'))), Error);
}

TEST(ForestFile, RefusesEveryTruncation) {
  const std::string whole = read(models / "made_by_1.9.forest");
  for (std::size_t n = 0; n < whole.size(); n += 97) {
    EXPECT_THROW((void)ForestFile::open(write("cut.forest", whole.substr(0, n))), Error) << n;
  }
}

/// Any flipped bit is either refused when opening or found by verify(), and walking a damaged
/// payload neither crashes nor hangs.
TEST(ForestFile, SurvivesFlippedBits) {
  const std::string whole = read(models / "made_by_1.9.forest");
  const auto good = ForestFile::open(models / "made_by_1.9.forest");
  Columns columns = rows_near_thresholds(good.at("cls_gh"), 100);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, whole.data() + 16, sizeof(header_bytes));
  const auto header = nlohmann::json::parse(good.header());
  const auto in_section = [&](std::size_t place) {
    for (const auto& model : header["models"]) {
      for (const auto& section : model["sections"]) {
        const std::size_t begin = 64 + header_bytes + section["offset"].get<std::size_t>();
        if (place >= begin && place < begin + section["bytes"].get<std::size_t>()) return true;
      }
    }
    return false;
  };
  std::mt19937 random(3);
  int opened = 0;
  for (std::size_t place = 0; place < whole.size(); place += 61) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ static_cast<char>(1U << (random() % 8)));
    const fs::path path = write("damaged.forest", damaged);
    try {
      const auto file = ForestFile::open(path);
      ++opened;
      for (const Forest& forest : file.forests()) {
        for (const Kernel kernel : kernels) {
          if (is_supported(kernel)) predict(forest, columns, kernel);
        }
      }
      if (in_section(place)) {
        EXPECT_THROW(file.verify(), Error) << place;
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    }
  }
  EXPECT_GT(opened, 50);
}

}  // namespace
}  // namespace alisio::forest
