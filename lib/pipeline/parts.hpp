#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/error.hpp"

/// What a product of several files is made of, and that none of it is lost when it is made anew.
namespace alisio::pipeline {

/// Runs and subruns; the subrun is all_subruns (lib/pipeline/names.hpp) for the file of a run.
using Parts = std::set<std::pair<int, int>>;

/// Return what the names of files tell: {11220, 3} of "muons_LST-1.Run11220.0003.fits". Names that
/// tell no run add nothing.
[[nodiscard]] Parts parts_in_names(const std::vector<std::string>& names);
/// The same of the files themselves.
[[nodiscard]] Parts parts_in_names(const std::vector<std::filesystem::path>& files);

/// Return what read() finds in a product that is there; nothing if the product is damaged, so that
/// another may take its place. @throws whatever else read() throws: what cannot be read just now,
/// or not by us, may be whole.
template <typename Read>
[[nodiscard]] auto unless_damaged(const Read& read) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_input) throw;
    return std::nullopt;
  }
}

/// Return what a FITS product records as its inputs; empty if there is no such file, it is damaged,
/// or it tells none. @throws Error(missing_input, resource) if it is there and cannot be read.
[[nodiscard]] Parts recorded_parts(const std::filesystem::path& fits_product);

/// Make sure that a product is not replaced by one that lacks a part of it. The same parts with
/// fewer events are no loss: they were made anew. The file of a run holds all its subruns.
/// @param there  what the product is made of that is there
/// @param coming what it is to be made of
/// @param left_out subruns that operators left out: they are no loss
/// @throws Error(usage) naming what would be lost.
void refuse_loss(const std::filesystem::path& product, const Parts& there, const Parts& coming,
                 const std::set<int>& left_out = {});

}  // namespace alisio::pipeline
