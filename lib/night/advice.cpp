#include "lib/night/advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <vector>

#include "lib/base/ids.hpp"

namespace alisio::night {
namespace {

/// Commands about a night that advices name.
struct NightCommand {
  std::string_view name;
  bool takes_place, needs_reason;
};
constexpr std::array<NightCommand, 5> night_commands{{{"discard", true, true},
                                                      {"veto", true, true},
                                                      {"hold", true, true},
                                                      {"retry", true, false},
                                                      {"reprocess", false, false}}};

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// Complete "alisio discard [RUN.SUBRUN]".
std::string complete_command(const std::string& command, const JobKey& job,
                             const std::string& night_words) {
  std::istringstream in(command);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.size() < 2 || words[0] != "alisio") return command;
  const auto known = std::find_if(night_commands.begin(), night_commands.end(),
                                  [&](const auto& one) { return one.name == words[1]; });
  if (known == night_commands.end()) return command;
  std::string complete = command;
  if (known->takes_place && words.size() == 2 && job.run != whole_night)
    complete += ' ' + job_name(job);
  complete += ' ' + night_words;
  if (known->name == "reprocess" && job.run != whole_night)
    complete += fmt::format(" --run {}", job.run);
  if (known->needs_reason) complete += " --reason \"…\"";
  if (known->name == "reprocess") complete += " --redo \"…\"";
  return complete;
}

}  // namespace

std::string runnable_advice(std::string advice, const JobKey& job, const std::string& night_words) {
  if (job.subrun != whole_run) replace_all(advice, "RUN.SUBRUN", job_name(job));
  constexpr const char* subrun = "SUBRUN";
  constexpr const char* kept = "\1";
  replace_all(advice, subrun, kept);
  if (job.run != whole_night) replace_all(advice, "RUN", run_text(job.run));
  replace_all(advice, kept, subrun);
  if (night_words.empty()) return advice;
  std::string complete;
  for (std::size_t at = 0; at < advice.size();) {
    const std::size_t start = advice.find('`', at);
    const std::size_t end = start == std::string::npos ? start : advice.find('`', start + 1);
    if (end == std::string::npos) return complete + advice.substr(at);
    complete += advice.substr(at, start + 1 - at);
    complete += complete_command(advice.substr(start + 1, end - start - 1), job, night_words) + '`';
    at = end + 1;
  }
  return complete;
}

}  // namespace alisio::night
