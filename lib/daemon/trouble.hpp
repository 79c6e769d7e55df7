#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "lib/night/outbox.hpp"

namespace alisio::daemon {

/// Tells people what is wrong with the daemon itself, as the section `notify` says, without
/// waiting: each trouble once until it is over, also across restarts.
class Troubles {
 public:
  /// @param told_file where it is kept what was told
  Troubles(const config::Configuration& configuration, std::filesystem::path told_file);
  Troubles(const Troubles&) = delete;
  Troubles& operator=(const Troubles&) = delete;

  /// @param about what is in trouble: "raw data", "night 2024-01-15"
  /// @param text  what is wrong, one line
  void trouble(const std::string& about, const NightDate& night, const std::string& text);
  void over(const std::string& about);
  /// Look at what is under way; to be called now and then.
  void look() { outbox_.deliver(); }

 private:
  void save();

  night::NotifyOptions options_;
  night::NightKey night_;
  std::filesystem::path told_file_;
  std::map<std::string, std::string> told_;  ///< text by channel and what it is about
  night::Outbox outbox_;
};

}  // namespace alisio::daemon
