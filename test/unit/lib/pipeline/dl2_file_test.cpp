#include "lib/pipeline/dl2_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "lib/pipeline/dl1_layout.hpp"
#include "test/unit/folder_test.hpp"

namespace alisio::pipeline {
namespace {
namespace fs = std::filesystem;

class Dl2File : public FolderTest {
 protected:
  /// Write a DL1 file of three rows that lacks some columns and has others; values count up.
  [[nodiscard]] hdf5::File dl1(const std::vector<std::string>& absent,
                               const std::vector<std::string>& more) const {
    std::vector<hdf5::ColumnSpec> columns;
    for (const hdf5::ColumnSpec& known : parameter_columns())
      if (std::ranges::count(absent, known.name) == 0) columns.push_back(known);
    for (const std::string& name : more)
      columns.push_back(hdf5::plain_column(name, hdf5::ScalarType::float32));
    std::deque<std::vector<std::byte>> values;
    std::vector<hdf5::ColumnSource> sources;
    const std::vector<float> counting{1, 2, 3};
    for (const hdf5::ColumnSpec& column : columns) {
      const auto& zeros = values.emplace_back(3 * column.bytes());
      sources.push_back({zeros.data(), column.bytes()});
      if (std::ranges::count(more, column.name) > 0)
        sources.back() = hdf5::ColumnSource::of(counting);
    }
    const fs::path path = folder_ / "dl1.h5";
    hdf5::File file = hdf5::File::create(path);
    hdf5::TableWriter table(file, {.path = parameters_path, .title = "", .columns = columns});
    table.append(3, sources);
    table.finish();
    file.close();
    return hdf5::File::open(path);
  }

  /// Make DL2 of some rows, each result 10.
  [[nodiscard]] hdf5::File dl2(const hdf5::File& dl1, const std::vector<std::size_t>& rows) const {
    dl2::Dl2Columns made;
    made.dl1 = read_dl1_columns(dl1).select(rows);
    const std::vector<double> tens(rows.size(), 10);
    for (auto* column :
         {&made.delta_t, &made.log_reco_energy, &made.reco_energy, &made.reco_disp_norm,
          &made.reco_disp_sign_proba, &made.reco_disp_dx, &made.reco_disp_dy, &made.reco_src_x,
          &made.reco_src_y, &made.signed_time_gradient, &made.signed_skewness, &made.reco_alt,
          &made.reco_az, &made.gammaness})
      *column = tens;
    made.reco_disp_sign.assign(rows.size(), 1);
    made.reco_type.assign(rows.size(), 0);
    const fs::path path = folder_ / "dl2.h5";
    write_dl2_file(path, dl1, made, "{}", {});
    return hdf5::File::open(path);
  }
};

TEST_F(Dl2File, HasTheColumnsOfItsDl1) {
  const hdf5::File file =
      dl2(dl1({"event_type", "ucts_jump", "width_uncertainty"}, {"my_quality"}), {2, 0});
  const hdf5::TableReader table(file, dl2_parameters_path);
  for (const char* absent : {"event_type", "ucts_jump", "width_uncertainty", "alt0"})
    EXPECT_FALSE(table.has_column(absent)) << absent;
  EXPECT_EQ(table.read_all().column<double>("my_quality"), (std::vector<double>{3, 1}));
}

TEST_F(Dl2File, ResultsTakeThePlaceOfColumnsOfTheirNames) {
  const hdf5::File file = dl2(dl1({}, {"delta_t", "gammaness"}), {1});
  const hdf5::Rows rows = hdf5::TableReader(file, dl2_parameters_path).read_all();
  EXPECT_EQ(rows.column<double>("delta_t"), std::vector<double>{10});
  EXPECT_EQ(rows.column<double>("gammaness"), std::vector<double>{10});
}

TEST_F(Dl2File, IsLaidOutAlikeWithoutRows) {
  const auto names = [&](const std::vector<std::size_t>& rows) {
    std::vector<std::string> all;
    const hdf5::File file = dl2(dl1({}, {"my_quality"}), rows);
    const hdf5::TableReader table(file, dl2_parameters_path);
    for (const hdf5::ColumnInfo& column : table.columns()) all.push_back(column.name);
    return all;
  };
  EXPECT_EQ(names({}), names({0, 1}));
}

}  // namespace
}  // namespace alisio::pipeline
