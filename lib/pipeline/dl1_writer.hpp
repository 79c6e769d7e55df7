#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/observer.hpp"
#include "lib/event/event_block.hpp"
#include "lib/event/monitoring.hpp"
#include "lib/instrument/telescope.hpp"
#include "lib/io/hdf5/table.hpp"
#include "reco/dl2/dl2.hpp"

namespace alisio::pipeline {

/// Write the attributes that readers of lstchain tables look for.
/// @param config_json configuration of the stage that made the table
void write_table_attributes(hdf5::TableWriter& table, const std::string& config_json);

/// Write the root attributes that readers of lstchain files look for, and what the observer says of
/// the product.
void write_file_attributes(hdf5::File& file, const ProductMetadata& metadata,
                           const std::string& stage);

/// Which rows of the monitoring tables a MonitoringRow stands for.
struct MonitoringParts {
  bool pedestal = true, flatfield = true;
};

/// The DL1 file under way. prepare() may run on any thread, the rest in event order on one.
class Dl1Writer {
 public:
  /// @param block_events capacity of the blocks: the chunk length of the image table.
  /// @param config_json  the `config` attribute of the tables.
  Dl1Writer(const std::filesystem::path& path, const instrument::Telescope& telescope,
            std::int64_t obs_id, std::size_t block_events, std::string config_json);

  /// Compress the images of a block. All blocks but the last of a file must be full.
  [[nodiscard]] hdf5::CompressedChunk prepare(const EventBlock& block) const;
  /// Append the block: its images as prepared, and its parameters.
  void write(const EventBlock& block, const hdf5::CompressedChunk& images);
  void write_monitoring(const std::vector<MonitoringRow>& rows,
                        const std::vector<MonitoringParts>& parts);
  /// Close the file. @throws Error(resource).
  void finish(const ProductMetadata& metadata);

 private:
  hdf5::File file_;
  const instrument::Telescope& telescope_;
  std::int64_t obs_id_, tel_id_;
  std::string config_json_;
  hdf5::TableWriter images_, parameters_;
  std::vector<double> sin_az_;
  std::vector<std::int64_t> event_type_;
};

/// Append the parameters of a block to the columns that DL2 is made of.
void append_rows(dl2::Dl1Columns& rows, const EventBlock& block,
                 const instrument::Telescope& telescope, std::int64_t obs_id);

}  // namespace alisio::pipeline
