#include "lib/web/night_address.hpp"

#include <algorithm>
#include <charconv>

#include "lib/base/error.hpp"
#include "lib/web/state_watcher.hpp"

namespace alisio::web {
namespace {

int number_of(const std::string& text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0)
    throw Error(ErrorKind::incomplete, "there is no such run or subrun", "", "give numbers");
  return value;
}

}  // namespace

night::State open_state(const std::filesystem::path& folder) {
  auto state = night::State::open_read_only(folder);
  if (!state)
    throw Error(ErrorKind::missing_input, "no night has been processed yet: there is no state",
                folder.string(), "alisio night DATE makes it");
  return std::move(*state);
}

AddressedNight open_night(const std::filesystem::path& folder, const std::string& date,
                          const std::string& prod_id) {
  night::State state = open_state(folder);
  const auto key = find_night(state, date, prod_id);
  if (!key)
    throw Error(ErrorKind::incomplete, "there is no such night in the state", "/nights/",
                "the first page lists the nights");
  return {std::move(state), *key};
}

std::vector<std::string> path_parts(const std::string& path, const std::string& beginning) {
  std::vector<std::string> parts;
  std::size_t at = beginning.size();
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

night::JobKey key_of_parts(const std::string& stage, const std::vector<std::string>& numbers) {
  if (numbers.empty() || numbers.size() > 2)
    throw Error(ErrorKind::incomplete, "there is no such job", "", "give a run, or run/subrun");
  return {stage, number_of(numbers[0]),
          numbers.size() == 2 ? number_of(numbers[1]) : night::whole_run};
}

}  // namespace alisio::web
