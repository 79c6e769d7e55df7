#pragma once
#include <filesystem>
#include <vector>

#include "lib/io/fits/read_tables.hpp"
#include "reco/dl3/event_cut.hpp"
#include "reco/dl3/response_grid.hpp"

namespace alisio::pipeline {

/// An instrument response for one pointing: a file of `alisio irf` or lstchain_create_irf_files.
struct ResponseNode {
  std::filesystem::path file;
  dl3::Pointing pointing;
  std::vector<fits::BinaryTable> headers;  ///< cards of its tables
};

/// Return the response files that paths mean: files as they are, of folders all whose name holds
/// "irf" and ends with .fits or .fits.gz, sorted.
/// @throws Error(missing_input) for an absent path or a folder without any.
[[nodiscard]] std::vector<std::filesystem::path> response_files(
    const std::vector<std::filesystem::path>& paths);

/// Read the headers of responses.
/// @param source_dependent  that they must be made for: with a cut in alpha, or without
/// @throws Error(bad_input) if a file is none, is for the other analysis, or two were not made
/// alike (point-like or not, cuts, telescope): between such nothing may be interpolated.
[[nodiscard]] std::vector<ResponseNode> read_response_nodes(
    const std::vector<std::filesystem::path>& files, bool source_dependent);

/// Read the response of a choice of nodes. Of one node it is as it stands. Between three the tables
/// are interpolated and say so: effective area by its logarithm, energy dispersion and point spread
/// by their quantiles, cuts and background linearly; ZEN_PNT, AZ_PNT and B_DELTA are the target's.
/// @throws Error(bad_input) if the nodes' tables or axes differ.
[[nodiscard]] std::vector<fits::BinaryTable> read_response(const std::vector<ResponseNode>& nodes,
                                                           const dl3::NodeChoice& choice,
                                                           const dl3::Pointing& target);

/// Return the gammaness cut that a response was made with: GH_CUT of its header, or its GH_CUTS.
/// @throws Error(bad_input) if it has neither.
[[nodiscard]] dl3::EventCut gammaness_cut_of(const std::vector<fits::BinaryTable>& response,
                                             const std::filesystem::path& where);

/// The same of the cut in alpha, deg: AL_CUT or AL_CUTS.
[[nodiscard]] dl3::EventCut alpha_cut_of(const std::vector<fits::BinaryTable>& response,
                                         const std::filesystem::path& where);

}  // namespace alisio::pipeline
