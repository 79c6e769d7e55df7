#pragma once
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lib/io/hdf5/table.hpp"

namespace alisio::hdf5 {

/// A folder of this test process, removed at its end.
class Scratch {
 public:
  explicit Scratch(const std::string& name)
      : folder_(std::filesystem::temp_directory_path() /
                ("alisio_hdf5_" + name + "_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Scratch() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return folder_ / name;
  }

 private:
  std::filesystem::path folder_;
};

inline std::vector<char> bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Columns of every type that tables hold, with values that depend on the row alone.
struct SampleRows {
  static constexpr std::size_t pixels = 50;
  std::vector<std::int64_t> event_id, event_type;
  std::vector<float> image;
  std::vector<std::uint8_t> mask, valid;
  std::vector<std::int8_t> gain;
  std::vector<std::int16_t> i2;
  std::vector<std::uint16_t> u2;
  std::vector<std::int32_t> i4;
  std::vector<std::uint32_t> u4;
  std::vector<std::uint64_t> u8;
  std::vector<double> intensity;
  std::vector<char> names;

  explicit SampleRows(std::size_t n) {
    for (std::size_t row = 0; row < n; ++row) {
      event_id.push_back(std::int64_t(row) + (std::int64_t{1} << 40));
      event_type.push_back(row % 3 == 0 ? 0 : 32);
      for (std::size_t p = 0; p < pixels; ++p) {
        image.push_back(float(row) * 0.37f + float(p * p % 17));
        mask.push_back((row + p) % 3 == 0);
        gain.push_back(std::int8_t((row * p) % 5 == 0 ? -1 : 1));
      }
      valid.push_back(row % 2);
      i2.push_back(std::int16_t(-int(row)));
      u2.push_back(std::uint16_t(65535 - row));
      i4.push_back(-100000 - std::int32_t(row));
      u4.push_back(4000000000u + std::uint32_t(row));
      u8.push_back(~std::uint64_t{0} - row);
      intensity.push_back(1e-3 * double(row) * double(row));
      const char* name = row % 2 == 0 ? "LST" : "M\0";
      names.insert(names.end(), name, name + 3);
    }
  }

  [[nodiscard]] static TableSpec spec(std::size_t chunk_rows = 14) {
    const auto column = [](std::string name, ScalarType type, std::vector<std::size_t> shape = {}) {
      ColumnSpec c;
      c.name = std::move(name);
      c.type = type;
      c.shape = std::move(shape);
      return c;
    };
    TableSpec spec;
    spec.path = "/dl1/event/telescope/image/LST_LSTCam";
    spec.title = "Storage of sample rows";
    spec.chunk_rows = chunk_rows;
    spec.columns = {column("event_id", ScalarType::int64),
                    column("event_type", ScalarType::int64),
                    column("image", ScalarType::float32, {pixels}),
                    column("image_mask", ScalarType::boolean, {2, pixels / 2}),
                    column("gain", ScalarType::int8, {pixels}),
                    column("is_valid", ScalarType::boolean),
                    column("i2", ScalarType::int16),
                    column("u2", ScalarType::uint16),
                    column("i4", ScalarType::int32),
                    column("u4", ScalarType::uint32),
                    column("u8", ScalarType::uint64),
                    column("intensity", ScalarType::float64),
                    column("name", ScalarType::text)};
    spec.columns[0].description = "Array Event ID";
    spec.columns[11].description = "total charge";
    spec.columns[11].transform = Transform::quantity;
    spec.columns[11].unit = "m";
    spec.columns[12].text_size = 3;
    return spec;
  }

  /// The rows from `first` on.
  [[nodiscard]] std::vector<ColumnSource> sources(std::size_t first = 0) const {
    const auto at = [first](const auto& v, std::size_t items = 1) {
      return ColumnSource{v.data() + first * items, sizeof(v[0]) * items};
    };
    return {at(event_id),     at(event_type),   at(image, pixels),
            at(mask, pixels), at(gain, pixels), at(valid),
            at(i2),           at(u2),           at(i4),
            at(u4),           at(u8),           at(intensity),
            at(names, 3)};
  }
};

/// Write n sample rows, in pieces of `piece` rows.
inline void write_sample(const std::filesystem::path& path, std::size_t n, std::size_t piece,
                         std::size_t chunk_rows = 14) {
  const SampleRows rows(n);
  File file = File::create(path);
  TableWriter table(file, SampleRows::spec(chunk_rows));
  for (std::size_t first = 0; first < n; first += piece)
    table.append(std::min(piece, n - first), rows.sources(first));
  table.finish();
  file.close();
}

}  // namespace alisio::hdf5
