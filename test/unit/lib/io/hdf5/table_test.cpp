#include "lib/io/hdf5/table.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <span>
#include <thread>

#include "lib/base/error.hpp"
#include "lib/base/hash.hpp"
#include "lib/io/hdf5/data_hash.hpp"
#include "lib/io/hdf5/fletcher32.hpp"
#include "lib/io/hdf5/handle.hpp"
#include "test/unit/lib/io/hdf5/sample_table.hpp"

namespace alisio::hdf5 {
namespace {

const std::string table_path = SampleRows::spec().path;

template <typename Call>
Error error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::bug, "no error was thrown");
}

TEST(Table, every_type_comes_back) {
  const Scratch folder("types");
  const std::size_t n = 45;
  write_sample(folder / "a.h5", n, 7);
  const SampleRows expected(n);
  const File file = File::open(folder / "a.h5");
  const TableReader table(file, table_path);
  ASSERT_EQ(table.row_count(), n);
  EXPECT_EQ(table.chunk_rows(), 14u);
  const Rows rows = table.read_all();
  EXPECT_EQ(rows.column<std::int64_t>("event_id"), expected.event_id);
  EXPECT_EQ(rows.column<std::int64_t>("event_type"), expected.event_type);
  EXPECT_EQ(rows.arrays<float>("image"), expected.image);
  EXPECT_EQ(rows.arrays<std::uint8_t>("image_mask"), expected.mask);
  EXPECT_EQ(rows.arrays<std::int8_t>("gain"), expected.gain);
  EXPECT_EQ(rows.column<std::uint8_t>("is_valid"), expected.valid);
  EXPECT_EQ(rows.column<std::int16_t>("i2"), expected.i2);
  EXPECT_EQ(rows.column<std::uint16_t>("u2"), expected.u2);
  EXPECT_EQ(rows.column<std::int32_t>("i4"), expected.i4);
  EXPECT_EQ(rows.column<std::uint32_t>("u4"), expected.u4);
  EXPECT_EQ(rows.column<std::uint64_t>("u8"), expected.u8);
  EXPECT_EQ(rows.column<double>("intensity"), expected.intensity);
  EXPECT_EQ(rows.text("name")[0], "LST");
  EXPECT_EQ(rows.text("name")[1], "M");
  // Conversion on the way out.
  EXPECT_EQ(rows.column<double>("i2")[44], -44.0);

  const ColumnInfo& mask = find_column(table.columns(), "image_mask", "here");
  EXPECT_EQ(mask.type, ScalarType::boolean);
  EXPECT_EQ(mask.shape, (std::vector<std::size_t>{2, 25}));
  EXPECT_EQ(find_column(table.columns(), "intensity", "here").unit, "m");
  EXPECT_EQ(file.text_attribute(table_path, "TITLE"), "Storage of sample rows");
  EXPECT_EQ(file.text_attribute(table_path, "CLASS"), "TABLE");
  EXPECT_EQ(file.text_attribute(table_path, "FIELD_2_NAME"), "image");
  EXPECT_EQ(file.number_attribute(table_path, "NROWS"), double(n));
  EXPECT_EQ(file.number_attribute(table_path, "FIELD_11_FILL"), 0.0);
  EXPECT_EQ(file.text_attribute(table_path, "CTAFIELD_11_UNIT"), "m");
}

TEST(Table, columns_are_handed_on_unread) {
  const Scratch folder("hand_on");
  write_sample(folder / "a.h5", 45, 7);
  const File file = File::open(folder / "a.h5");
  const Rows rows = TableReader(file, table_path).read(10, 20);
  File copy = File::create(folder / "b.h5");
  ColumnSpec ids, mask;
  ids.name = "event_id";
  ids.type = ScalarType::int64;
  mask.name = "image_mask";
  mask.type = ScalarType::boolean;
  mask.shape = {2, 25};
  TableWriter writer(copy, {.path = "/t", .title = "", .columns = {ids, mask}});
  const ColumnSource sources[] = {rows.source("event_id"), rows.source("image_mask")};
  writer.append(rows.size(), sources);
  writer.finish();
  copy.close();
  const Rows read = TableReader(File::open(folder / "b.h5"), "/t").read_all();
  EXPECT_EQ(read.column<std::int64_t>("event_id"), rows.column<std::int64_t>("event_id"));
  std::vector<std::uint8_t> flags(3);
  read.arrays_into("image_mask", flags);
  EXPECT_EQ(flags, rows.arrays<std::uint8_t>("image_mask"));
  EXPECT_EQ(error_of([&] { static_cast<void>(rows.source("none")); }).kind(), ErrorKind::bad_input);
}

TEST(Table, columns_of_a_row_are_read_alone) {
  const Scratch folder("columns");
  const SampleRows expected(9);
  const std::string names[] = {"u8", "image", "name", "i2"};
  for (const std::size_t chunk_rows : {1, 4}) {
    write_sample(folder / "a.h5", 9, 9, chunk_rows);
    const File file = File::open(folder / "a.h5");
    const TableReader table(file, table_path);
    for (std::size_t row = 0; row < 9; ++row) {
      const Rows read = table.read_columns(row, names);
      ASSERT_EQ(read.size(), 1U);
      EXPECT_EQ(read.column<std::uint64_t>("u8"), std::vector(1, expected.u8[row]));
      EXPECT_EQ(read.column<std::int16_t>("i2"), std::vector(1, expected.i2[row]));
      const auto image = read.arrays<float>("image");
      EXPECT_TRUE(std::equal(image.begin(), image.end(),
                             expected.image.begin() + std::ptrdiff_t(row * image.size())));
      EXPECT_EQ(read.text("name"), std::vector<std::string>(1, row % 2 == 0 ? "LST" : "M"));
    }
    EXPECT_EQ(error_of([&] {
                static_cast<void>(table.read_columns(0, names).column<std::int32_t>("i4"));
              }).kind(),
              ErrorKind::bad_input)
        << "what was not asked for is not there";
    const std::string missing[] = {"image", "none"};
    const Error error = error_of([&] { static_cast<void>(table.read_columns(0, missing)); });
    EXPECT_EQ(error.kind(), ErrorKind::bad_input);
    EXPECT_NE(std::string(error.what()).find("'none'"), std::string::npos) << error.what();
  }
}

TEST(Table, row_ranges_cut_across_chunks) {
  const Scratch folder("ranges");
  write_sample(folder / "a.h5", 45, 45);
  const SampleRows expected(45);
  const File file = File::open(folder / "a.h5");
  const TableReader table(file, table_path);
  std::vector<float> image;
  for (std::size_t first = 0; first < 45; first += 10) {
    const auto part =
        table.read(first, std::min<std::size_t>(10, 45 - first)).arrays<float>("image");
    image.insert(image.end(), part.begin(), part.end());
  }
  EXPECT_EQ(image, expected.image);
}

TEST(Table, bytes_do_not_depend_on_how_rows_arrive) {
  const Scratch folder("pieces");
  write_sample(folder / "whole.h5", 100, 100);
  const auto whole = bytes_of(folder / "whole.h5");
  ASSERT_FALSE(whole.empty());
  for (const std::size_t piece : {1u, 3u, 14u, 15u, 64u}) {
    write_sample(folder / "pieces.h5", 100, piece);
    EXPECT_EQ(bytes_of(folder / "pieces.h5"), whole) << "pieces of " << piece;
  }
}

TEST(Table, chunks_compressed_by_workers_give_the_same_bytes) {
  const Scratch folder("workers");
  const std::size_t n = 100, chunk = 14;
  write_sample(folder / "one.h5", n, 5);
  const SampleRows rows(n);
  File file = File::create(folder / "many.h5");
  TableWriter table(file, SampleRows::spec());
  std::vector<CompressedChunk> chunks((n + chunk - 1) / chunk);
  {
    std::vector<std::jthread> workers;
    for (std::size_t w = 0; w < 4; ++w)
      workers.emplace_back([&, w] {
        std::vector<std::byte> packed;
        for (std::size_t c = w; c < chunks.size(); c += 4) {
          const std::size_t first = c * chunk, count = std::min(chunk, n - first);
          table.pack(count, rows.sources(first), packed);
          chunks[c] = table.compress(packed, count);
        }
      });
  }
  for (const CompressedChunk& c : chunks) table.write_chunk(c);
  table.finish();
  file.close();
  EXPECT_EQ(bytes_of(folder / "many.h5"), bytes_of(folder / "one.h5"));
}

TEST(Table, rows_can_lie_in_structures_and_constants_repeat) {
  struct Event {
    double x;
    std::int64_t id;
  };
  const Scratch folder("structures");
  const std::vector<Event> events{{1.5, 10}, {2.5, 20}, {3.5, 30}};
  const std::int64_t run = 11220;
  TableSpec spec;
  spec.path = "/events";
  spec.columns.resize(3);
  spec.columns[0].name = "obs_id", spec.columns[0].type = ScalarType::int64;
  spec.columns[1].name = "id", spec.columns[1].type = ScalarType::int64;
  spec.columns[2].name = "x";
  {
    File file = File::create(folder / "a.h5");
    TableWriter table(file, spec);
    const std::vector<ColumnSource> sources{
        ColumnSource::constant(run), {&events[0].id, sizeof(Event)}, {&events[0].x, sizeof(Event)}};
    table.append(events.size(), sources);
    table.finish();
    file.close();
  }
  const File file = File::open(folder / "a.h5");
  const Rows rows = TableReader(file, "/events").read_all();
  EXPECT_EQ(rows.column<int>("obs_id"), (std::vector<int>{11220, 11220, 11220}));
  EXPECT_EQ(rows.column<int>("id"), (std::vector<int>{10, 20, 30}));
  EXPECT_EQ(rows.column<double>("x"), (std::vector<double>{1.5, 2.5, 3.5}));
}

TEST(Table, an_empty_table_is_a_table) {
  const Scratch folder("empty");
  write_sample(folder / "a.h5", 0, 1);
  const File file = File::open(folder / "a.h5");
  const TableReader table(file, table_path);
  EXPECT_EQ(table.row_count(), 0u);
  EXPECT_TRUE(table.read_all().column<double>("intensity").empty());
}

TEST(Table, a_chunk_after_a_partial_one_is_refused) {
  const Scratch folder("partial");
  File file = File::create(folder / "a.h5");
  TableWriter table(file, SampleRows::spec());
  const SampleRows rows(3);
  std::vector<std::byte> packed;
  table.pack(3, rows.sources(), packed);
  const CompressedChunk chunk = table.compress(packed, 3);
  table.write_chunk(chunk);
  EXPECT_THROW(table.write_chunk(chunk), Error);
}

TEST(Table, what_is_missing_is_named) {
  const Scratch folder("missing");
  write_sample(folder / "a.h5", 5, 5);
  const File file = File::open(folder / "a.h5");
  const Error table = error_of([&] { TableReader(file, "/dl2/nothing"); });
  EXPECT_EQ(table.kind(), ErrorKind::bad_input);
  EXPECT_NE(std::string(table.what()).find("/dl2/nothing"), std::string::npos);
  EXPECT_NE(std::string(table.what()).find("a.h5"), std::string::npos);
  EXPECT_EQ(error_of([&] { TableReader(file, "/dl1"); }).kind(), ErrorKind::bad_input);

  const Rows rows = TableReader(file, table_path).read_all();
  const Error column = error_of([&] { static_cast<void>(rows.column<double>("width")); });
  EXPECT_EQ(column.kind(), ErrorKind::bad_input);
  EXPECT_NE(std::string(column.what()).find("width"), std::string::npos);
  EXPECT_NE(column.remedy().find("intensity"), std::string::npos);
  const Error arrays = error_of([&] { static_cast<void>(rows.column<double>("image")); });
  EXPECT_EQ(arrays.kind(), ErrorKind::bad_input);
  EXPECT_NE(std::string(arrays.what()).find("'image'"), std::string::npos) << arrays.what();
  EXPECT_EQ(error_of([&] { static_cast<void>(rows.column<double>("name")); }).kind(),
            ErrorKind::bad_input);
  EXPECT_EQ(error_of([&] { static_cast<void>(rows.text("image")); }).kind(), ErrorKind::bad_input);
}

TEST(Table, a_flipped_byte_in_the_rows_is_found) {
  const Scratch folder("flipped");
  write_sample(folder / "a.h5", 100, 100);
  const auto whole = bytes_of(folder / "a.h5");
  // Blosc's chunks begin with its version and the zstd format; the payload follows.
  std::size_t at = 0;
  for (std::size_t i = 0; i + 16 < whole.size() && at == 0; ++i)
    if (whole[i] == 2 && whole[i + 1] == 1 && (whole[i + 2] & 0xe0) == (4 << 5) &&
        std::uint8_t(whole[i + 3]) <= 1)
      at = i + 40;
  ASSERT_NE(at, 0u);
  auto damaged = whole;
  damaged[at] = char(damaged[at] ^ 0x10);
  std::ofstream(folder / "b.h5", std::ios::binary)
      .write(damaged.data(), std::streamsize(damaged.size()));
  const File file = File::open(folder / "b.h5");
  const TableReader table(file, table_path);
  const Error error = error_of([&] { static_cast<void>(table.read_all()); });
  EXPECT_EQ(error.kind(), ErrorKind::bad_input);
  EXPECT_NE(std::string(error.what()).find("b.h5:" + table_path), std::string::npos);
}

TEST(Fletcher32, is_that_of_hdf5_for_any_length) {
  // HDF5's own way: word by word, folded before the sums overflow.
  const auto plain = [](std::span<const std::byte> data) {
    std::uint32_t low = 0, high = 0;
    const auto fold = [](std::uint32_t sum) { return (sum & 0xffff) + (sum >> 16); };
    for (std::size_t i = 0; i < data.size(); i += 2) {
      low += std::to_integer<std::uint32_t>(data[i]) << 8;
      if (i + 1 < data.size()) low += std::to_integer<std::uint32_t>(data[i + 1]);
      high += low;
      low = fold(low);
      high = fold(fold(high));
    }
    return fold(high) << 16 | fold(low);
  };
  std::vector<std::byte> data(5000);
  for (int kind = 0; kind < 3; ++kind) {
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = kind == 0   ? std::byte{0}
                : kind == 1 ? std::byte{0xff}
                            : std::byte(i * i * 7 + i / 3);
    for (std::size_t n = 0; n <= data.size(); n += n < 1100 ? 1 : 97)
      EXPECT_EQ(fletcher32(std::span(data).first(n)), plain(std::span(data).first(n))) << n;
  }
}

TEST(Table, the_data_hash_is_that_of_the_rows_however_they_are_stored) {
  const Scratch folder("hash");
  constexpr std::size_t n = 33;
  const SampleRows rows(n);
  std::vector<std::byte> packed;
  {
    File file = File::create(folder / "packed.h5");
    TableWriter table(file, SampleRows::spec());
    table.pack(n, rows.sources(), packed);
  }
  Hasher expected;
  expected.update(std::string(table_path) +
                  " {event_id:i8,event_type:i8,image:f4[50],image_mask:b1[2][25],gain:i1[50],"
                  "is_valid:b1,i2:i2,u2:u2,i4:i4,u4:u4,u8:u8,intensity:f8,name:S3,} 33\n");
  expected.update(packed);
  const std::string hash = expected.finish();
  for (const std::size_t chunk_rows : {1, 7, 11, 14, 33, 100}) {
    write_sample(folder / "a.h5", n, 5, chunk_rows);
    EXPECT_EQ(data_hash(folder / "a.h5"), hash) << chunk_rows;
  }
  for (const std::size_t item_bytes : {0, 2, 4}) {
    {
      File file = File::create(folder / "a.h5");
      TableSpec spec = SampleRows::spec();
      spec.codec = Codec::lz4;
      spec.item_bytes = item_bytes;
      TableWriter table(file, spec);
      table.append(n, rows.sources());
      table.finish();
    }
    EXPECT_EQ(data_hash(folder / "a.h5"), hash) << item_bytes;
    const File file = File::open(folder / "a.h5");
    EXPECT_EQ(TableReader(file, table_path).read_all().arrays<float>("image"), rows.image);
  }
}

TEST(Table, the_data_hash_of_large_chunks_is_that_of_their_bytes_in_order) {
  const Scratch folder("large_chunks");
  // Chunks of a quarter of a MB, which are hashed while the next is decoded, and one of several
  // pieces.
  for (const std::size_t row_bytes : {std::size_t{1} << 18, std::size_t{10} << 20}) {
    const std::size_t n = row_bytes > (1U << 20) ? 2 : 16;
    ColumnSpec values;
    values.name = "values";
    values.type = ScalarType::uint8;
    values.shape = {row_bytes};
    std::vector<std::uint8_t> bytes(n * row_bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::uint8_t(i * 7 + i / 1000);
    {
      File file = File::create(folder / "a.h5");
      TableWriter table(file, {.path = "/t", .title = "", .columns = {values}, .chunk_rows = 1});
      const ColumnSource sources[] = {ColumnSource::of(bytes, row_bytes)};
      table.append(n, sources);
      table.finish();
      file.close();
    }
    // Two chunks as they are, which HDF5 then says passed through no filter.
    const Handle file(H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    const Handle dataset(H5Dopen2(file.get(), "/t", H5P_DEFAULT));
    for (const hsize_t row : {hsize_t{1}, hsize_t(n - 1)})
      ASSERT_GE(
          H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 3, &row, row_bytes, &bytes[row * row_bytes]),
          0);
    H5Fflush(file.get(), H5F_SCOPE_GLOBAL);
    Hasher expected;
    expected.update("/t {values:u1[" + std::to_string(row_bytes) + "],} " + std::to_string(n) +
                    "\n");
    expected.update(std::as_bytes(std::span(bytes)));
    const std::string hash = expected.finish();
    for (int turn = 0; turn < 20; ++turn) ASSERT_EQ(data_hash(folder / "a.h5"), hash) << row_bytes;
  }
}

TEST(Table, no_damaged_byte_crashes_the_reader) {
  const Scratch folder("bytes");
  write_sample(folder / "a.h5", 20, 20, 1);
  const auto whole = bytes_of(folder / "a.h5");
  const std::string names[] = {"event_id", "image", "name"};
  std::size_t refused = 0, read = 0;
  // The first one stays as it is.
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    auto damaged = whole;
    damaged[at] = char(damaged[at] ^ (at == 0 ? 0 : 0xff));
    std::ofstream(folder / "b.h5", std::ios::binary)
        .write(damaged.data(), std::streamsize(damaged.size()));
    try {
      const File file = File::open(folder / "b.h5");
      const TableReader table(file, table_path);
      const Rows rows = table.read_all();
      for (const ColumnInfo& column : table.columns())
        if (column.type != ScalarType::text)
          static_cast<void>(rows.arrays<double>(column.name));
        else
          static_cast<void>(rows.text(column.name));
      if (table.row_count() > 0) static_cast<void>(table.read_columns(0, names));
      static_cast<void>(data_hash(folder / "b.h5"));
      ++read;
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::bad_input || error.kind() == ErrorKind::resource)
          << "byte " << at << ": " << error.what();
      EXPECT_NE(error.where().find("b.h5"), std::string::npos) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 20U);
  // Attributes, free space, and names of columns: much of a small file is not needed to read it.
  EXPECT_GT(read, 20U);
}

}  // namespace
}  // namespace alisio::hdf5
