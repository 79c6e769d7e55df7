#include "lib/io/hdf5/chunk_reader.hpp"

#include <gtest/gtest.h>

#include <random>

#include "lib/io/hdf5/state.hpp"
#include "test/unit/lib/io/hdf5/sample_table.hpp"

namespace alisio::hdf5 {
namespace {

constexpr std::size_t n_rows = 60, chunk_rows = 30;

/// Write sample rows with items of so many bytes for Blosc; return the rows as they are stored.
std::vector<std::byte> write_rows(const std::filesystem::path& path, std::size_t item_bytes) {
  const SampleRows rows(n_rows);
  File file = File::create(path);
  TableSpec spec = SampleRows::spec(chunk_rows);
  spec.item_bytes = item_bytes;
  TableWriter table(file, spec);
  std::vector<std::byte> packed;
  table.pack(n_rows, rows.sources(), packed);
  table.append(n_rows, rows.sources());
  table.finish();
  file.close();
  return packed;
}

struct OpenedChunks {
  explicit OpenedChunks(const std::filesystem::path& path, std::size_t bytes)
      : file(File::open(path)),
        dataset(file.state().open_dataset(SampleRows::spec().path)),
        creation(H5Dget_create_plist(dataset.get())),
        chunks(dataset.get(), creation.get(), bytes) {}
  File file;
  Handle dataset, creation;
  ChunkReader chunks;
};

TEST(ChunkReader, gives_any_bytes_of_a_chunk) {
  const Scratch folder("chunks");
  std::mt19937 random(1);
  for (const std::size_t item_bytes : {0, 1, 2, 4, 8, 100}) {
    const std::vector<std::byte> rows = write_rows(folder / "a.h5", item_bytes);
    const std::size_t bytes = rows.size() / (n_rows / chunk_rows);
    OpenedChunks opened(folder / "a.h5", bytes);
    ChunkReader& chunks = opened.chunks;
    ASSERT_TRUE(chunks.usable());
    for (std::size_t first_row = 0; first_row < n_rows; first_row += chunk_rows) {
      ASSERT_TRUE(chunks.load(first_row));
      EXPECT_GT(chunks.piece_bytes(), 0U);
      const std::span<const std::byte> expected =
          std::span(rows).subspan(first_row / chunk_rows * bytes, bytes);
      for (int turn = 0; turn < 300; ++turn) {
        const std::size_t first = turn == 0 ? 0 : random() % bytes;
        const std::size_t most = bytes - first;
        const std::size_t n = turn == 0       ? most
                              : turn % 3 == 0 ? random() % std::min<std::size_t>(9, most)
                                              : random() % (most + 1);
        std::vector<std::byte> got(n);
        ASSERT_TRUE(chunks.take(first, got));
        ASSERT_TRUE(std::equal(got.begin(), got.end(), expected.begin() + std::ptrdiff_t(first)))
            << item_bytes << ": " << n << " bytes from " << first << " on";
      }
      std::vector<std::byte> beyond(2);
      EXPECT_FALSE(chunks.take(bytes - 1, beyond));
      EXPECT_FALSE(chunks.take(bytes + 1, beyond));
    }
  }
}

TEST(ChunkReader, leaves_to_hdf5_what_is_unusual) {
  const Scratch folder("unusual");
  const std::size_t bytes = write_rows(folder / "a.h5", 0).size() / (n_rows / chunk_rows);
  EXPECT_FALSE(OpenedChunks(folder / "a.h5", bytes).chunks.load(n_rows)) << "no such row";
  EXPECT_FALSE(OpenedChunks(folder / "a.h5", bytes / 2).chunks.load(0)) << "another size";
  auto whole = bytes_of(folder / "a.h5");
  whole[whole.size() - 1000] = char(whole[whole.size() - 1000] ^ 1);
  std::ofstream(folder / "b.h5", std::ios::binary)
      .write(whole.data(), std::streamsize(whole.size()));
  OpenedChunks damaged(folder / "b.h5", bytes);
  EXPECT_FALSE(damaged.chunks.load(0) && damaged.chunks.load(chunk_rows)) << "a flipped bit";
}

}  // namespace
}  // namespace alisio::hdf5
