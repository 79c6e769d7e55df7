// Writes a table for test/cases/read_tables_with_peers.py when ALISIO_PEER_TABLE names a file.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "test/unit/lib/io/hdf5/sample_table.hpp"

namespace alisio::hdf5 {
namespace {

TEST(Peers, table_for_their_readers) {
  const char* path = std::getenv("ALISIO_PEER_TABLE");
  if (path == nullptr) GTEST_SKIP() << "ALISIO_PEER_TABLE is not set";
  const SampleRows rows(100);
  File file = File::create(path);
  TableWriter images(file, SampleRows::spec());
  images.append(100, rows.sources());
  images.finish();
  // pandas reads tables of scalars only.
  TableSpec spec = SampleRows::spec();
  const std::vector<ColumnSource> all = rows.sources();
  std::vector<ColumnSource> sources;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (spec.columns[i].shape.empty()) sources.push_back(all[i]);
  std::erase_if(spec.columns, [](const ColumnSpec& column) { return !column.shape.empty(); });
  spec.path = "/dl2/event/telescope/parameters/LST_LSTCam";
  TableWriter parameters(file, spec);
  parameters.append(100, sources);
  parameters.finish();
  file.close();
}

}  // namespace
}  // namespace alisio::hdf5
