#include "lib/daemon/trouble.hpp"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "lib/base/error.hpp"
#include "lib/base/file.hpp"
#include "lib/night/night.hpp"

namespace alisio::daemon {
namespace fs = std::filesystem;
namespace {

std::map<std::string, std::string> read_told(const fs::path& file) {
  std::error_code problem;
  if (!fs::exists(file, problem)) return {};
  try {
    return nlohmann::json::parse(read_text_file(file)).get<std::map<std::string, std::string>>();
  } catch (const nlohmann::json::exception&) {
    spdlog::warn("{} is damaged: what is wrong is told once more", file.string());
  } catch (const Error& error) {
    spdlog::warn("{}", error.what());
  }
  return {};
}

std::string key_of(const std::string& channel, const std::string& about) {
  return channel + ": " + about;
}

}  // namespace

Troubles::Troubles(const config::Configuration& configuration, fs::path told_file)
    : options_(night::notify_options(configuration)),
      night_(night::night_key(configuration, {}, "")),
      told_file_(std::move(told_file)),
      told_(read_told(told_file_)),
      outbox_(
          options_.time_limit_s, [this](const night::Outbox::Letter&) { save(); },
          [this](const night::Outbox::Letter& letter) {
            for (const std::string& key : letter.marks) told_.erase(key);
            save();
          }) {}

void Troubles::save() {
  try {
    write_file_atomically(told_file_, nlohmann::json(told_).dump(1) + '\n');
  } catch (const Error& error) {
    spdlog::warn("{}", error.what());
  }
}

void Troubles::trouble(const std::string& about, const NightDate& night, const std::string& text) {
  if (!options_.wants("daemon_trouble")) return;
  night_.date = night;
  const night::EventItem item{about, text, text};
  const night::Message message = night::message_of(
      {"daemon_trouble", night_, "the daemon has trouble with " + about, "trouble", {item}},
      {item});
  for (const std::string& channel : night::channels_of(options_)) {
    std::string& known = told_[key_of(channel, about)];
    if (known == text) continue;
    known = text;
    outbox_.put({channel,
                 night::delivery_of(message, channel, options_),
                 {key_of(channel, about)},
                 message.subject()});
  }
  look();
}

void Troubles::over(const std::string& about) {
  const auto is_over = [&](const auto& told) { return told.first.ends_with(": " + about); };
  if (std::erase_if(told_, is_over) > 0) save();
}

}  // namespace alisio::daemon
