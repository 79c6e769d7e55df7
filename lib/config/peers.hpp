#pragma once
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What cta-lstchain's JSON configuration holds beyond the options of this program, and what
/// becomes of it. Keys are dotted, as those of options(); those of its files for Cat-A and Cat-B
/// stand below `camera_calibration` and `cat_b`.
namespace alisio::config {

/// A key, or a block with all that is below it, that changes nothing of what this program makes.
struct PeerIdle {
  std::string key;
  std::string why;
};

/// A key of which this program knows one way only, or a block for which it knows none.
struct PeerFixed {
  std::string key;
  std::vector<std::string> stages;  ///< stages whose products it decides on
  nlohmann::json done;              ///< the value that says what is done; none: discarded
  std::string does;                 ///< what is done, whatever the file says
  std::string remedy;               ///< empty: to write the value `done`
};

/// A key that is an option under another name.
struct PeerAlias {
  std::string key, option;
  std::string unless;  ///< key of the same file beside which lstchain does not look at this one
};

/// What lstchain takes for a key that its file leaves out of a block, where that differs from the
/// default here. A block of its file stands for the whole block.
struct PeerDefault {
  std::string key;
  nlohmann::json value;
};

[[nodiscard]] std::span<const PeerIdle> peer_idle();
[[nodiscard]] std::span<const PeerFixed> peer_fixed();
[[nodiscard]] std::span<const PeerAlias> peer_aliases();
[[nodiscard]] std::span<const PeerDefault> peer_defaults();

/// Return the block that a default is taken for once a file has it: `tailcut` of
/// `tailcut.delta_time`. lstchain's files for Cat-A and Cat-B are one block each.
[[nodiscard]] std::string_view peer_block(std::string_view key);

}  // namespace alisio::config
