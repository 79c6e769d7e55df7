#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "calib/charge/image_producer.hpp"
#include "lib/base/ids.hpp"
#include "lib/flow/scratch_pool.hpp"
#include "lib/pipeline/muon_file.hpp"
#include "reco/muon/ring_analysis.hpp"

namespace alisio::pipeline {

/// Looks for muon rings among the calibrated events of r0_to_dl1, as lstchain does: all events,
/// whatever triggered them. An image whose number of bright pixels may be a ring's is summed anew
/// in a window common to all pixels, for rings shine at once, and analysed.
class MuonFinder {
 public:
  /// @param producer has calibrated the blocks; it and the telescope must outlive this.
  MuonFinder(const calib::ImageProducer& producer, const instrument::Telescope& telescope);
  ~MuonFinder();

  /// Return the candidates among a calibrated block's events. Several threads may do so at once.
  [[nodiscard]] std::vector<MuonRing> find(const calib::WorkBlock& block);

  /// Keep the candidates of the next block, in order.
  void add(std::vector<MuonRing> candidates, std::size_t events);

  [[nodiscard]] const MuonTable& table() const { return table_; }

 private:
  struct Scratch;
  [[nodiscard]] std::vector<MuonRing> find(const calib::WorkBlock& block, Scratch& scratch) const;

  const calib::ImageProducer& producer_;
  muon::RingCamera camera_;
  muon::RingOptions options_;
  std::vector<std::uint8_t> unusable_high_;  ///< [pixel]
  std::vector<std::uint8_t> unusable_;       ///< [pixel], in any gain
  MuonTable table_;
  flow::ScratchPool<Scratch> scratches_;
};

}  // namespace alisio::pipeline
