#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace alisio::web {

/// The parts of a page that change, as HTML elements by their ids. The page is made of them, and
/// its events tell those that differ, so that a browser without scripts sees what others see.
struct Fragments {
  std::map<std::string, std::string> parts;  ///< each `<… id="ID">…</…>`
  /// The element that holds some of the parts: told anew, whole, when there are others of them.
  std::string frame_id, frame;
};

/// Return the fragments that are not as they were, by id.
[[nodiscard]] nlohmann::json fragment_difference(const Fragments& before, const Fragments& now);
/// Return all of them: the frame, and what stands outside of it.
[[nodiscard]] nlohmann::json all_fragments(const Fragments& fragments);

}  // namespace alisio::web
